-- Tickets in full, drafts that staff send, and where tickets are mirrored.

ALTER TABLE tickets
    -- What people call it: T-12. Counted on each site.
    ADD COLUMN number      int,
    -- One row for a key: what a tool opened is there once, however often its call runs.
    ADD COLUMN key         text CHECK (length(key) BETWEEN 1 AND 100),
    ADD COLUMN category    text NOT NULL DEFAULT 'support' CHECK (category ~ '^[a-z][a-z0-9_-]{0,39}$'),
    ADD COLUMN assignee    text CHECK (length(assignee) BETWEEN 1 AND 200),
    -- Where to reply, sealed, and its hash, to find it by; without one, the visitor's own.
    ADD COLUMN contact_sealed bytea,
    ADD COLUMN contact_hash bytea CHECK (octet_length(contact_hash) = 32),
    -- Subject, text, summary, company, reply draft and further fields, sealed: what a person
    -- wrote, with the personal data in its place.
    ADD COLUMN content_sealed bytea,
    ADD COLUMN confidence  real CHECK (confidence BETWEEN 0 AND 1),
    ADD COLUMN url         text CHECK (length(url) BETWEEN 1 AND 2000),
    -- When a person must have answered, when one has, and when it was noticed that none had.
    ADD COLUMN due_at      timestamptz,
    ADD COLUMN answered_at timestamptz,
    ADD COLUMN breached_at timestamptz,
    ADD COLUMN updated_at  timestamptz,
    -- Rises with every change, so that mirrors know what they have seen.
    ADD COLUMN rev         int NOT NULL DEFAULT 1;
ALTER TABLE tickets
    DROP CONSTRAINT tickets_state_check,
    ADD CONSTRAINT tickets_state_check CHECK (state IN ('new', 'open', 'pending', 'resolved')),
    DROP CONSTRAINT tickets_source_check,
    ADD CONSTRAINT tickets_source_check CHECK (source IN ('chat', 'form', 'email', 'api', 'system'));

-- The owner, too, is bound by row security while it is forced.
ALTER TABLE tickets NO FORCE ROW LEVEL SECURITY;
UPDATE tickets t SET number = n.number, updated_at = coalesce(t.resolved_at, t.at)
FROM (SELECT site_id, id, row_number() OVER (PARTITION BY site_id ORDER BY at, id) AS number FROM tickets) n
WHERE n.site_id = t.site_id AND n.id = t.id;

CREATE TABLE ticket_numbers (
    site_id       uuid PRIMARY KEY REFERENCES sites (id) ON DELETE CASCADE,
    last          int NOT NULL
);
INSERT INTO ticket_numbers (site_id, last) SELECT site_id, max(number) FROM tickets GROUP BY site_id;
CALL deskhand_tenant('ticket_numbers', 'SELECT, INSERT, UPDATE');
ALTER TABLE tickets FORCE ROW LEVEL SECURITY;

-- Whoever inserts a ticket, also an older version of the program, gives it a number. Runs as its
-- caller, under row security.
CREATE FUNCTION deskhand_number_ticket() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO ticket_numbers AS n (site_id, last) VALUES (NEW.site_id, 1)
    ON CONFLICT (site_id) DO UPDATE SET last = n.last + 1
    RETURNING n.last INTO NEW.number;
    NEW.updated_at := coalesce(NEW.updated_at, NEW.at);
    RETURN NEW;
END $$;
CREATE TRIGGER tickets_number BEFORE INSERT ON tickets FOR EACH ROW EXECUTE FUNCTION deskhand_number_ticket();
ALTER TABLE tickets
    ALTER COLUMN number SET NOT NULL,
    ALTER COLUMN updated_at SET NOT NULL,
    ADD UNIQUE (site_id, number),
    ADD UNIQUE (site_id, key);
CREATE INDEX tickets_open ON tickets (site_id, state, due_at) WHERE state <> 'resolved';
CREATE INDEX tickets_contact ON tickets (site_id, contact_hash) WHERE contact_hash IS NOT NULL;

-- What is said on a ticket: staff's own notes, and what its customer adds.
CREATE TABLE ticket_notes (
    site_id       uuid NOT NULL,
    id            uuid NOT NULL,
    ticket_id     uuid NOT NULL,
    key           text CHECK (length(key) BETWEEN 1 AND 100),
    -- `customer`, `system` or `staff:NAME`.
    author        text NOT NULL CHECK (length(author) BETWEEN 1 AND 210),
    text_sealed   bytea NOT NULL,
    at            timestamptz NOT NULL,
    PRIMARY KEY (site_id, id),
    UNIQUE (site_id, key),
    FOREIGN KEY (site_id, ticket_id) REFERENCES tickets (site_id, id) ON DELETE CASCADE
);
CREATE INDEX ticket_notes_ticket ON ticket_notes (site_id, ticket_id, at);
CALL deskhand_tenant('ticket_notes');

ALTER TABLE handoffs
    -- What the agent passed on of the conversation, sealed.
    ADD COLUMN excerpt_sealed bytea,
    ADD COLUMN due_at      timestamptz,
    ADD COLUMN answered_at timestamptz,
    ADD COLUMN breached_at timestamptz;
CREATE INDEX handoffs_thread ON handoffs (site_id, thread_id, at);

-- What the agent wrote where staff send.
CREATE TABLE drafts (
    site_id       uuid NOT NULL,
    turn_id       uuid NOT NULL,
    thread_id     uuid NOT NULL,
    -- Behind the thread's placeholders, as messages are.
    text          text NOT NULL CHECK (length(text) BETWEEN 1 AND 20000),
    citations     jsonb NOT NULL DEFAULT '[]',
    state         text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'edited', 'dropped')),
    at            timestamptz NOT NULL,
    staff         text CHECK (length(staff) BETWEEN 1 AND 200),
    decided_at    timestamptz,
    PRIMARY KEY (site_id, turn_id),
    FOREIGN KEY (site_id, turn_id) REFERENCES turns (site_id, id) ON DELETE CASCADE,
    FOREIGN KEY (site_id, thread_id) REFERENCES threads (site_id, id) ON DELETE CASCADE,
    CHECK ((state = 'waiting') = (decided_at IS NULL))
);
CREATE INDEX drafts_thread ON drafts (site_id, thread_id);
CREATE INDEX drafts_waiting ON drafts (site_id, at) WHERE state = 'waiting';
CALL deskhand_tenant('drafts');

-- Where a ticket is mirrored, and what of it is there.
CREATE TABLE ticket_mirrors (
    site_id       uuid NOT NULL,
    ticket_id     uuid NOT NULL,
    kind          text NOT NULL CHECK (kind ~ '^[a-z_]{1,40}$'),
    name          text NOT NULL,
    -- The last change that the other side has.
    sent_rev      int NOT NULL DEFAULT 0,
    -- The other side's name for it, and its address there.
    remote_ref    text CHECK (length(remote_ref) <= 200),
    remote_url    text CHECK (length(remote_url) <= 2000),
    -- Something was asked for whose answer nobody has seen: look before asking again.
    begun_at      timestamptz,
    -- One delivery at a time, on the database's clock.
    busy_until    timestamptz,
    waits         int NOT NULL DEFAULT 0,
    error         text CHECK (length(error) <= 500),
    at            timestamptz NOT NULL,
    PRIMARY KEY (site_id, ticket_id, kind, name),
    FOREIGN KEY (site_id, ticket_id) REFERENCES tickets (site_id, id) ON DELETE CASCADE
);
CALL deskhand_tenant('ticket_mirrors');

-- Sites on which something is past its time and not marked yet.
CREATE POLICY system ON tickets FOR SELECT TO deskhand_system USING (true);
CREATE POLICY system ON handoffs FOR SELECT TO deskhand_system USING (true);
GRANT SELECT (site_id, state, due_at, answered_at, breached_at) ON tickets TO deskhand_system;
GRANT SELECT (site_id, state, due_at, answered_at, breached_at) ON handoffs TO deskhand_system;
CREATE INDEX tickets_due ON tickets (due_at) WHERE state <> 'resolved' AND answered_at IS NULL AND breached_at IS NULL;
CREATE INDEX handoffs_due ON handoffs (due_at)
    WHERE state <> 'resolved' AND answered_at IS NULL AND breached_at IS NULL;

CREATE FUNCTION deskhand_overdue_sites(p_now timestamptz) RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
    SELECT site_id FROM public.tickets
    WHERE due_at <= p_now AND state <> 'resolved' AND answered_at IS NULL AND breached_at IS NULL
    UNION
    SELECT site_id FROM public.handoffs
    WHERE due_at <= p_now AND state <> 'resolved' AND answered_at IS NULL AND breached_at IS NULL
$$;
ALTER FUNCTION deskhand_overdue_sites OWNER TO deskhand_system;
REVOKE ALL ON FUNCTION deskhand_overdue_sites FROM PUBLIC;
GRANT EXECUTE ON FUNCTION deskhand_overdue_sites TO deskhand_app;
