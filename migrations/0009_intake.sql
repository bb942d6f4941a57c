-- Intake: webhooks kept as they came, documents that know the time of their newest event,
-- content that is still to be fetched, and receipts of what was deleted.

-- The time of the newest event that was taken in, by the origin's clock; the newest wins,
-- whatever the order of arrival. Null: no event ever told.
ALTER TABLE documents
    ADD COLUMN event_at timestamptz,
    -- What its content is fetched from.
    ADD COLUMN fetch_url text CHECK (length(fetch_url) <= 2000);

-- What waits may be an address instead of bytes.
ALTER TABLE uploads
    ALTER COLUMN bytes DROP NOT NULL,
    ALTER COLUMN sha256 DROP NOT NULL,
    ADD COLUMN fetch_url text CHECK (length(fetch_url) <= 2000),
    -- Given by the origin; they go before what the content says of itself.
    ADD COLUMN tags text[] NOT NULL DEFAULT '{}',
    ADD COLUMN channels text[],
    ADD COLUMN lang text CHECK (length(lang) <= 35),
    ADD CHECK ((bytes IS NULL) = (sha256 IS NULL)),
    ADD CHECK (bytes IS NOT NULL OR fetch_url IS NOT NULL);

-- What was never fetched has no hash.
ALTER TABLE versions
    ALTER COLUMN sha256 DROP NOT NULL,
    ADD CHECK (state = 'failed' OR sha256 IS NOT NULL),
    -- The tags that came with the content; the document's also have those that it names itself.
    ADD COLUMN given_tags text[] NOT NULL DEFAULT '{}';

-- For whose version the vector was computed, so that it goes with its document.
ALTER TABLE embedding_cache ADD COLUMN document_id uuid;
CREATE INDEX embedding_cache_document ON embedding_cache (site_id, document_id) WHERE document_id IS NOT NULL;

-- Webhooks, as they came. A repeat is known by its key or by its body, and gets the first
-- one's answer.
CREATE TABLE inbound_events (
    site_id         uuid NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    id              uuid NOT NULL,
    source          text NOT NULL CHECK (source ~ '^[a-z][a-z0-9_]{0,31}$'),
    -- The sender's name for it: its Idempotency-Key.
    external_id     text NOT NULL CHECK (length(external_id) BETWEEN 1 AND 200),
    kind            text NOT NULL CHECK (length(kind) BETWEEN 1 AND 64),
    body_sha256     bytea NOT NULL CHECK (octet_length(body_sha256) = 32),
    -- Null once its document was deleted.
    raw             bytea CHECK (octet_length(raw) <= 2 * 1024 * 1024),
    headers         jsonb NOT NULL,
    signature_valid boolean NOT NULL,
    kid             text,
    -- When it happened, by the origin's clock.
    event_at        timestamptz NOT NULL,
    received_at     timestamptz NOT NULL,
    -- Names, not references: they were given before the rows, and outlive the job.
    document_id     uuid,
    job_id          uuid,
    upload_id       uuid,
    state           text NOT NULL DEFAULT 'queued'
                        CHECK (state IN ('received', 'queued', 'processed', 'failed', 'discarded')),
    attempts        int NOT NULL DEFAULT 0,
    -- Why it failed or was discarded: a code.
    remark          text CHECK (length(remark) <= 200),
    PRIMARY KEY (site_id, id),
    UNIQUE (site_id, source, external_id),
    UNIQUE (site_id, source, body_sha256)
);
CREATE INDEX inbound_events_document ON inbound_events (site_id, document_id, id);
CREATE INDEX inbound_events_job ON inbound_events (site_id, job_id);
CREATE INDEX inbound_events_age ON inbound_events (received_at);
CALL deskhand_tenant('inbound_events');
CREATE POLICY system ON inbound_events TO deskhand_system USING (true);
GRANT SELECT, DELETE ON inbound_events TO deskhand_system;

-- Events older than that; the count of those deleted.
CREATE FUNCTION deskhand_prune_inbound_events(older_than interval) RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
    WITH gone AS (DELETE FROM public.inbound_events WHERE received_at < now() - older_than RETURNING 1)
    SELECT count(*) FROM gone
$$;
ALTER FUNCTION deskhand_prune_inbound_events OWNER TO deskhand_system;
REVOKE ALL ON FUNCTION deskhand_prune_inbound_events FROM PUBLIC;
GRANT EXECUTE ON FUNCTION deskhand_prune_inbound_events TO deskhand_app;

-- What a deletion removed, counted by kind of row; of whom, as a hash.
CREATE TABLE deletion_receipts (
    site_id       uuid NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    id            uuid NOT NULL,
    kind          text NOT NULL CHECK (kind IN ('document', 'person')),
    subject_hash  bytea NOT NULL CHECK (octet_length(subject_hash) = 32),
    counts        jsonb NOT NULL,
    at            timestamptz NOT NULL,
    PRIMARY KEY (site_id, id)
);
CALL deskhand_tenant('deletion_receipts', 'SELECT, INSERT');
