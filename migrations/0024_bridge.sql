-- The event bridge: what a site tells of forms, orders, and whatever its own plugins fire
-- (EVT-4). A repeat is known by its key and gets the first one's answer.

CREATE TABLE bridge_events (
    site_id         uuid NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    -- The request_id that the sender was given.
    id              uuid NOT NULL,
    idempotency_key text NOT NULL CHECK (length(idempotency_key) BETWEEN 1 AND 200),
    -- Of the body, to tell a repeat from a reuse.
    body_hash       bytea NOT NULL CHECK (octet_length(body_hash) = 32),
    -- The secret that it was signed with.
    kid             text NOT NULL,
    event_type      text NOT NULL CHECK (length(event_type) <= 64
                        AND event_type ~ '^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*){1,3}$'),
    object_ref      text NOT NULL CHECK (length(object_ref) BETWEEN 1 AND 200),
    -- The body as it came, sealed for the event: forms hold what people wrote.
    body            bytea NOT NULL CHECK (octet_length(body) <= 300 * 1024),
    -- Keyed hashes of the addresses in it, so that a person is found.
    addresses       bytea[] NOT NULL DEFAULT '{}',
    occurred_at     timestamptz NOT NULL,
    received_at     timestamptz NOT NULL,
    state           text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'processed', 'failed')),
    attempts        int NOT NULL DEFAULT 0,
    -- What came of it: ids and numbers, nothing that anybody wrote.
    result          jsonb,
    -- Why nothing did.
    error_code      text CHECK (length(error_code) <= 100),
    finished_at     timestamptz,
    PRIMARY KEY (site_id, id),
    UNIQUE (site_id, idempotency_key),
    CHECK ((state = 'queued') = (finished_at IS NULL)),
    CHECK ((state = 'processed') = (result IS NOT NULL)),
    CHECK ((state = 'failed') = (error_code IS NOT NULL))
);
CREATE INDEX bridge_events_received ON bridge_events (site_id, received_at);
CREATE INDEX bridge_events_finished ON bridge_events (site_id, finished_at, id) WHERE finished_at IS NOT NULL;
CALL deskhand_tenant('bridge_events');

-- Customers whose site tells that something of theirs has changed are asked for anew.
CREATE INDEX visitors_wp_user ON visitors (site_id, wp_user_id) WHERE wp_user_id IS NOT NULL;
