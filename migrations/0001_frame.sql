-- The frame: sites and their keys, conversations, turns, and what a turn leaves behind.
--
-- Roles (made before the migrations run, see db/migrate.rs):
--   deskhand_app     what the pool logs in as or is a member of; neither owner nor superuser
--   deskhand_system  nobody logs in as it; it owns the few functions that look over all sites
--
-- Every tenant table goes through deskhand_tenant(): row security, FORCEd, keyed by the
-- transaction's site. A query that forgets its filter finds nothing of another site.

-- Makes a table a tenant's: policy, FORCE, grants. nullif(…, true) turns an unset site
-- into "no rows" instead of an error.
CREATE PROCEDURE deskhand_tenant(tbl regclass, rights text DEFAULT 'SELECT, INSERT, UPDATE, DELETE')
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', tbl);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', tbl);
    EXECUTE format(
        'CREATE POLICY site ON %s
             USING (site_id = nullif(current_setting(''deskhand.site'', true), '''')::uuid)
             WITH CHECK (site_id = nullif(current_setting(''deskhand.site'', true), '''')::uuid)', tbl);
    EXECUTE format('GRANT %s ON %s TO deskhand_app', rights, tbl);
END $$;
REVOKE ALL ON PROCEDURE deskhand_tenant FROM PUBLIC;

CREATE TABLE sites (
    id            uuid PRIMARY KEY,
    slug          text NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    name          text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    origins       text[] NOT NULL DEFAULT '{}',
    mode          text NOT NULL DEFAULT 'assist' CHECK (mode IN ('shadow', 'assist', 'full')),
    locale        text NOT NULL DEFAULT 'en',
    settings      jsonb NOT NULL DEFAULT '{}',
    created_at    timestamptz NOT NULL DEFAULT now()
);
-- Row security with the site's own id as the key: a site sees itself.
ALTER TABLE sites ENABLE ROW LEVEL SECURITY;
ALTER TABLE sites FORCE ROW LEVEL SECURITY;
CREATE POLICY site ON sites
    USING (id = nullif(current_setting('deskhand.site', true), '')::uuid)
    WITH CHECK (id = nullif(current_setting('deskhand.site', true), '')::uuid);
CREATE POLICY system ON sites FOR SELECT TO deskhand_system USING (true);
GRANT SELECT, INSERT, UPDATE ON sites TO deskhand_app;
GRANT SELECT ON sites TO deskhand_system;

-- A root secret (from which a site's keys are derived) or a registered public key.
-- The algorithm is pinned here per kid; a token's header only has to agree with it.
CREATE TABLE site_keys (
    site_id       uuid NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    kid           text NOT NULL UNIQUE CHECK (kid ~ '^[A-Za-z0-9_-]{8,64}$'),
    purpose       text NOT NULL CHECK (purpose IN ('root', 'token')),
    alg           text NOT NULL CHECK (alg IN ('HS256', 'RS256', 'ES256')),
    sealed        bytea,
    public_key    text,
    not_before    timestamptz NOT NULL DEFAULT now(),
    not_after     timestamptz,
    PRIMARY KEY (site_id, kid),
    CHECK ((purpose = 'root') = (sealed IS NOT NULL)),
    CHECK ((purpose = 'token') = (public_key IS NOT NULL)),
    CHECK ((purpose = 'root') = (alg = 'HS256'))
);
CALL deskhand_tenant('site_keys');
CREATE POLICY system ON site_keys FOR SELECT TO deskhand_system USING (true);
GRANT SELECT ON site_keys TO deskhand_system;

-- Tokens seen, so that an id can't be used by two different tokens.
CREATE TABLE nonces (
    site_id       uuid NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    kid           text NOT NULL,
    nonce         text NOT NULL CHECK (length(nonce) BETWEEN 1 AND 200),
    digest        bytea NOT NULL,
    expires_at    timestamptz NOT NULL,
    PRIMARY KEY (site_id, kid, nonce)
);
CREATE INDEX nonces_expiry ON nonces (expires_at);
CALL deskhand_tenant('nonces', 'SELECT, INSERT');

CREATE TABLE visitors (
    site_id       uuid NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    id            uuid NOT NULL,
    email_sealed  bytea,
    created_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (site_id, id)
);
CALL deskhand_tenant('visitors');

CREATE TABLE threads (
    site_id       uuid NOT NULL,
    id            uuid NOT NULL,
    visitor_id    uuid NOT NULL,
    channel       text NOT NULL DEFAULT 'widget' CHECK (channel IN ('widget', 'email', 'slack', 'cli')),
    -- Who may speak. Moving it to staff stops the agent in the statement that gives an
    -- event its number, see db/events.rs.
    fence         text NOT NULL DEFAULT 'agent' CHECK (fence IN ('agent', 'staff')),
    last_seq      bigint NOT NULL DEFAULT 0,
    turn_epoch    bigint NOT NULL DEFAULT 0,
    status        text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'handoff', 'resolved')),
    lang          text,
    created_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (site_id, id),
    FOREIGN KEY (site_id, visitor_id) REFERENCES visitors (site_id, id) ON DELETE CASCADE
);
CREATE INDEX threads_visitor ON threads (site_id, visitor_id);
CALL deskhand_tenant('threads');

CREATE TABLE turns (
    site_id       uuid NOT NULL,
    id            uuid NOT NULL,
    thread_id     uuid NOT NULL,
    -- The machine before its first input; replay starts from it.
    start         jsonb NOT NULL,
    outcome       text CHECK (outcome IN ('answered', 'asked', 'handoff', 'degraded', 'withheld', 'cancelled', 'fenced')),
    brain         text,
    first_seq     bigint NOT NULL,
    -- Who drives it: a lease on the database's clock, and an epoch that a zombie can't match.
    owner         uuid NOT NULL,
    epoch         bigint NOT NULL,
    lease_until   timestamptz NOT NULL,
    resumes       int NOT NULL DEFAULT 0,
    cancel_asked  boolean NOT NULL DEFAULT false,
    started_at    timestamptz NOT NULL,
    finished_at   timestamptz,
    PRIMARY KEY (site_id, id),
    FOREIGN KEY (site_id, thread_id) REFERENCES threads (site_id, id) ON DELETE CASCADE,
    CHECK ((finished_at IS NULL) = (outcome IS NULL))
);
CREATE UNIQUE INDEX turns_one_open ON turns (site_id, thread_id) WHERE finished_at IS NULL;
CREATE INDEX turns_lease ON turns (lease_until) WHERE finished_at IS NULL;
CREATE INDEX turns_thread ON turns (site_id, thread_id);
CALL deskhand_tenant('turns');
CREATE POLICY system ON turns FOR SELECT TO deskhand_system USING (true);
GRANT SELECT ON turns TO deskhand_system;

CREATE TABLE messages (
    site_id       uuid NOT NULL,
    id            uuid NOT NULL,
    thread_id     uuid NOT NULL,
    visitor_id    uuid NOT NULL,
    turn_id       uuid,
    message_id    uuid,
    -- Of everything the client sent, so that a repeat can be told from a reuse.
    body_hash     bytea,
    author        text NOT NULL CHECK (author IN ('visitor', 'agent', 'staff', 'system')),
    text          text NOT NULL CHECK (length(text) <= 20000),
    citations     jsonb NOT NULL DEFAULT '[]',
    at            timestamptz NOT NULL,
    seq           bigint NOT NULL,
    PRIMARY KEY (site_id, id),
    UNIQUE (site_id, visitor_id, message_id),
    FOREIGN KEY (site_id, thread_id) REFERENCES threads (site_id, id) ON DELETE CASCADE,
    FOREIGN KEY (site_id, visitor_id) REFERENCES visitors (site_id, id) ON DELETE CASCADE,
    FOREIGN KEY (site_id, turn_id) REFERENCES turns (site_id, id) ON DELETE CASCADE
);
CREATE INDEX messages_thread ON messages (site_id, thread_id, seq);
CREATE INDEX messages_turn ON messages (site_id, turn_id);
CALL deskhand_tenant('messages');

-- One transition of the machine: the input, what it asked for, and the machine after it.
CREATE TABLE steps (
    site_id       uuid NOT NULL,
    turn_id       uuid NOT NULL,
    n             int NOT NULL,
    at            timestamptz NOT NULL,
    input         jsonb NOT NULL,
    actions       jsonb NOT NULL,
    after         jsonb NOT NULL,
    ms            int NOT NULL,
    PRIMARY KEY (site_id, turn_id, n),
    FOREIGN KEY (site_id, turn_id) REFERENCES turns (site_id, id) ON DELETE CASCADE
);
CALL deskhand_tenant('steps', 'SELECT, INSERT');

-- What the visitor's stream is read from, live and when it is resumed.
CREATE TABLE thread_events (
    site_id       uuid NOT NULL,
    thread_id     uuid NOT NULL,
    seq           bigint NOT NULL,
    turn_id       uuid,
    type          text NOT NULL,
    body          jsonb NOT NULL,
    at            timestamptz NOT NULL,
    PRIMARY KEY (site_id, thread_id, seq),
    FOREIGN KEY (site_id, thread_id) REFERENCES threads (site_id, id) ON DELETE CASCADE,
    FOREIGN KEY (site_id, turn_id) REFERENCES turns (site_id, id) ON DELETE CASCADE
);
CREATE INDEX thread_events_turn ON thread_events (site_id, turn_id, seq);
CALL deskhand_tenant('thread_events', 'SELECT, INSERT');

CREATE TABLE tool_calls (
    site_id       uuid NOT NULL,
    id            uuid NOT NULL,
    turn_id       uuid NOT NULL,
    tool          text NOT NULL,
    args          jsonb NOT NULL,
    result        jsonb,
    code          text,
    attempts      int NOT NULL DEFAULT 0,
    ms            int,
    at            timestamptz NOT NULL,
    PRIMARY KEY (site_id, id),
    FOREIGN KEY (site_id, turn_id) REFERENCES turns (site_id, id) ON DELETE CASCADE
);
CREATE INDEX tool_calls_turn ON tool_calls (site_id, turn_id);
CALL deskhand_tenant('tool_calls', 'SELECT, INSERT, UPDATE');

CREATE TABLE handoffs (
    site_id       uuid NOT NULL,
    id            uuid NOT NULL,
    thread_id     uuid NOT NULL,
    turn_id       uuid NOT NULL,
    reason        text NOT NULL,
    state         text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'claimed', 'resolved')),
    at            timestamptz NOT NULL,
    PRIMARY KEY (site_id, id),
    FOREIGN KEY (site_id, thread_id) REFERENCES threads (site_id, id) ON DELETE CASCADE,
    FOREIGN KEY (site_id, turn_id) REFERENCES turns (site_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX handoffs_one_open ON handoffs (site_id, thread_id) WHERE state <> 'resolved';
CREATE INDEX handoffs_turn ON handoffs (site_id, turn_id);
CALL deskhand_tenant('handoffs');

CREATE TABLE tickets (
    site_id       uuid NOT NULL,
    id            uuid NOT NULL,
    thread_id     uuid,
    turn_id       uuid,
    reason        text NOT NULL,
    state         text NOT NULL DEFAULT 'new' CHECK (state IN ('new', 'open', 'resolved')),
    at            timestamptz NOT NULL,
    PRIMARY KEY (site_id, id),
    -- One ticket a turn: closing it again after a crash finds the first one.
    UNIQUE (site_id, turn_id),
    FOREIGN KEY (site_id, thread_id) REFERENCES threads (site_id, id) ON DELETE CASCADE,
    FOREIGN KEY (site_id, turn_id) REFERENCES turns (site_id, id) ON DELETE CASCADE
);
CREATE INDEX tickets_thread ON tickets (site_id, thread_id);
CALL deskhand_tenant('tickets');

CREATE TABLE feedback (
    site_id       uuid NOT NULL,
    turn_id       uuid NOT NULL,
    visitor_id    uuid NOT NULL,
    value         text NOT NULL CHECK (value IN ('up', 'down')),
    tags          text[] NOT NULL DEFAULT '{}',
    comment       text CHECK (length(comment) <= 2000),
    at            timestamptz NOT NULL,
    PRIMARY KEY (site_id, turn_id),
    FOREIGN KEY (site_id, turn_id) REFERENCES turns (site_id, id) ON DELETE CASCADE,
    FOREIGN KEY (site_id, visitor_id) REFERENCES visitors (site_id, id) ON DELETE CASCADE
);
CREATE INDEX feedback_visitor ON feedback (site_id, visitor_id);
CALL deskhand_tenant('feedback');

-- The few questions that are asked before a site is known, or over all sites.
-- They run as deskhand_system and give no more than their caller needs.

CREATE FUNCTION deskhand_key(wanted_kid text)
RETURNS TABLE (site_id uuid, purpose text, alg text, sealed bytea, public_key text,
               not_before timestamptz, not_after timestamptz, origins text[])
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
    SELECT k.site_id, k.purpose, k.alg, k.sealed, k.public_key, k.not_before, k.not_after, s.origins
    FROM public.site_keys k JOIN public.sites s ON s.id = k.site_id
    WHERE k.kid = wanted_kid
$$;

CREATE FUNCTION deskhand_origin_known(wanted text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$ SELECT EXISTS (SELECT 1 FROM public.sites WHERE wanted = ANY (origins)) $$;

CREATE FUNCTION deskhand_site_list()
RETURNS TABLE (id uuid, slug text, name text, origins text[], mode text, locale text, created_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$ SELECT s.id, s.slug, s.name, s.origins, s.mode, s.locale, s.created_at FROM public.sites s ORDER BY s.created_at $$;

-- Unfinished turns whose driver has gone, oldest first.
CREATE FUNCTION deskhand_orphaned_turns(most int)
RETURNS TABLE (site_id uuid, turn_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
    SELECT t.site_id, t.id FROM public.turns t
    WHERE t.finished_at IS NULL AND t.lease_until < clock_timestamp()
    ORDER BY t.lease_until LIMIT most
$$;

CREATE FUNCTION deskhand_prune_nonces() RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
    WITH gone AS (DELETE FROM public.nonces WHERE expires_at < now() RETURNING 1) SELECT count(*) FROM gone
$$;
CREATE POLICY system ON nonces TO deskhand_system USING (true);
GRANT SELECT, DELETE ON nonces TO deskhand_system;

DO $$
DECLARE f regprocedure;
BEGIN
    FOR f IN SELECT oid::regprocedure FROM pg_proc
             WHERE pronamespace = 'public'::regnamespace AND proname LIKE 'deskhand\_%' AND prosecdef
    LOOP
        EXECUTE format('ALTER FUNCTION %s OWNER TO deskhand_system', f);
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO deskhand_app', f);
    END LOOP;
END $$;
