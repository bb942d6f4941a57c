-- Mail that goes out, notices to the site's people, and what staff wrote that its visitor may
-- not have read yet.

-- A mail of its own each, to one address. Who gets it and what it says is sealed, and taken out
-- once it was sent or given up.
CREATE TABLE mails (
    site_id       uuid NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    id            uuid NOT NULL,
    kind          text NOT NULL CHECK (kind IN ('code', 'reply', 'message', 'notice')),
    -- Whose it is; it goes with them.
    visitor_id    uuid,
    thread_id     uuid,
    letter        bytea,
    state         text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'refused', 'expired')),
    -- Why the last try failed.
    code          text CHECK (length(code) <= 100),
    tries         int NOT NULL DEFAULT 0,
    at            timestamptz NOT NULL,
    -- A code that comes too late is of no use.
    not_after     timestamptz,
    ended_at      timestamptz,
    PRIMARY KEY (site_id, id),
    FOREIGN KEY (site_id, visitor_id) REFERENCES visitors (site_id, id) ON DELETE CASCADE,
    FOREIGN KEY (site_id, thread_id) REFERENCES threads (site_id, id) ON DELETE CASCADE,
    CHECK ((state = 'waiting') = (letter IS NOT NULL)),
    CHECK ((state = 'waiting') = (ended_at IS NULL))
);
CREATE INDEX mails_visitor ON mails (site_id, visitor_id) WHERE visitor_id IS NOT NULL;
CREATE INDEX mails_thread ON mails (site_id, thread_id) WHERE thread_id IS NOT NULL;
CREATE INDEX mails_at ON mails (site_id, at);
CALL deskhand_tenant('mails');

-- What staff are told, a row a channel. The key names what happened: it is told once.
CREATE TABLE notices (
    site_id       uuid NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    id            uuid NOT NULL,
    kind          text NOT NULL CHECK (kind ~ '^[a-z_]{1,40}$'),
    key           text NOT NULL CHECK (length(key) BETWEEN 1 AND 200),
    channel       text NOT NULL CHECK (channel IN ('slack', 'email')),
    thread_id     uuid,
    -- A ticket's id, a kind of job: never anything that a person wrote.
    subject       text CHECK (length(subject) <= 200),
    reason        text NOT NULL CHECK (reason ~ '^[a-z0-9_.-]{1,60}$'),
    state         text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'skipped', 'refused')),
    code          text CHECK (length(code) <= 100),
    tries         int NOT NULL DEFAULT 0,
    at            timestamptz NOT NULL,
    ended_at      timestamptz,
    PRIMARY KEY (site_id, id),
    UNIQUE (site_id, key, channel),
    FOREIGN KEY (site_id, thread_id) REFERENCES threads (site_id, id) ON DELETE CASCADE,
    CHECK ((state = 'waiting') = (ended_at IS NULL))
);
CREATE INDEX notices_thread ON notices (site_id, thread_id) WHERE thread_id IS NOT NULL;
CREATE INDEX notices_at ON notices (site_id, at);
CALL deskhand_tenant('notices');

-- The channels by which the transaction's site can be told of something.
CREATE FUNCTION deskhand_notice_channels() RETURNS TABLE (name text)
LANGUAGE sql STABLE AS $$
    SELECT 'email' FROM sites s WHERE jsonb_array_length(coalesce(s.settings -> 'staff_emails', '[]')) > 0
    UNION ALL
    SELECT 'slack' WHERE EXISTS (SELECT 1 FROM connections WHERE kind = 'slack')
$$;

-- What staff wrote into a thread. `told` is when it was written to an open stream, which may
-- have been dead already; `read` when the visitor's client has shown that it has it.
CREATE TABLE staff_replies (
    site_id       uuid NOT NULL,
    thread_id     uuid NOT NULL,
    seq           bigint NOT NULL,
    at            timestamptz NOT NULL,
    told_at       timestamptz,
    read_at       timestamptz,
    mailed_at     timestamptz,
    PRIMARY KEY (site_id, thread_id, seq),
    FOREIGN KEY (site_id, thread_id) REFERENCES threads (site_id, id) ON DELETE CASCADE
);
CALL deskhand_tenant('staff_replies');

-- The page that the chat was on when it was given to people: the way back.
ALTER TABLE threads ADD COLUMN page text CHECK (length(page) <= 2000);

-- Mails and notices that ended long ago, of all sites.
CREATE POLICY system ON mails TO deskhand_system USING (true);
CREATE POLICY system ON notices TO deskhand_system USING (true);
GRANT SELECT, DELETE ON mails, notices TO deskhand_system;
CREATE FUNCTION deskhand_prune_mail(older_than interval) RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
    WITH m AS (DELETE FROM public.mails WHERE ended_at < now() - older_than RETURNING 1),
         n AS (DELETE FROM public.notices WHERE ended_at < now() - older_than RETURNING 1)
    SELECT (SELECT count(*) FROM m) + (SELECT count(*) FROM n)
$$;
ALTER FUNCTION deskhand_prune_mail OWNER TO deskhand_system;
REVOKE ALL ON FUNCTION deskhand_prune_mail FROM PUBLIC;
GRANT EXECUTE ON FUNCTION deskhand_prune_mail TO deskhand_app;
