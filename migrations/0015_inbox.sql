-- What staff work with: tickets with their fields, notes, claimed handoffs, and the notices
-- that tell them.

ALTER TABLE tickets
    DROP CONSTRAINT tickets_state_check,
    ADD CONSTRAINT tickets_state_check CHECK (state IN ('new', 'open', 'waiting', 'resolved')),
    ADD COLUMN source         text NOT NULL DEFAULT 'chat' CHECK (source IN ('chat', 'email', 'form', 'api', 'system')),
    ADD COLUMN category       text NOT NULL DEFAULT 'support',
    ADD COLUMN priority       text NOT NULL DEFAULT 'normal' CHECK (priority IN ('low', 'normal', 'high', 'urgent')),
    -- Sealed: who wrote, and what. Placeholders would have to outlive their thread.
    ADD COLUMN contact_sealed bytea,
    ADD COLUMN contact_hash   bytea CHECK (octet_length(contact_hash) = 32),
    ADD COLUMN visitor_id     uuid,
    ADD COLUMN company        text CHECK (length(company) <= 200),
    ADD COLUMN subject        text NOT NULL DEFAULT '' CHECK (length(subject) <= 300),
    ADD COLUMN body_sealed    bytea,
    ADD COLUMN summary        text CHECK (length(summary) <= 2000),
    ADD COLUMN confidence     real CHECK (confidence BETWEEN 0 AND 1),
    ADD COLUMN fields         jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN reply_draft    text CHECK (length(reply_draft) <= 8000),
    -- Where it stands in another system.
    ADD COLUMN url            text CHECK (length(url) <= 2000),
    ADD COLUMN assignee       text CHECK (length(assignee) <= 200),
    ADD COLUMN due_at         timestamptz,
    ADD COLUMN breached_at    timestamptz,
    ADD COLUMN resolved_at    timestamptz,
    -- A repeat of the same call finds the first ticket.
    ADD COLUMN key            text CHECK (length(key) BETWEEN 1 AND 100);
CREATE UNIQUE INDEX tickets_key ON tickets (site_id, key) WHERE key IS NOT NULL;
CREATE INDEX tickets_due ON tickets (site_id, state, due_at);
CREATE INDEX tickets_contact ON tickets (site_id, contact_hash) WHERE contact_hash IS NOT NULL;
CREATE INDEX tickets_breach ON tickets (due_at) WHERE state <> 'resolved' AND breached_at IS NULL;

CREATE TABLE notes (
    site_id       uuid NOT NULL,
    id            uuid NOT NULL,
    ticket_id     uuid NOT NULL,
    staff         text NOT NULL CHECK (length(staff) BETWEEN 1 AND 200),
    text_sealed   bytea NOT NULL,
    at            timestamptz NOT NULL,
    PRIMARY KEY (site_id, id),
    FOREIGN KEY (site_id, ticket_id) REFERENCES tickets (site_id, id) ON DELETE CASCADE
);
CREATE INDEX notes_ticket ON notes (site_id, ticket_id, at);
CALL deskhand_tenant('notes');

ALTER TABLE handoffs
    ADD COLUMN claimed_by   text CHECK (length(claimed_by) BETWEEN 1 AND 200),
    ADD COLUMN claimed_at   timestamptz,
    ADD COLUMN resolved_at  timestamptz,
    ADD COLUMN due_at       timestamptz,
    ADD COLUMN breached_at  timestamptz,
    ADD COLUMN excerpt      text CHECK (length(excerpt) <= 4000),
    ADD COLUMN proposal_id  uuid,
    ADD FOREIGN KEY (site_id, proposal_id) REFERENCES proposals (site_id, id) ON DELETE CASCADE;
CREATE INDEX handoffs_breach ON handoffs (due_at) WHERE state <> 'resolved' AND breached_at IS NULL;
CREATE INDEX handoffs_proposal ON handoffs (site_id, proposal_id) WHERE proposal_id IS NOT NULL;

-- What somebody is to be told, once a channel. Written in the transaction of what happened; a
-- job delivers it at least once. Nothing personal is in it: it is put together when it is sent.
CREATE TABLE notices (
    site_id       uuid NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    id            uuid NOT NULL,
    kind          text NOT NULL CHECK (kind ~ '^[a-z_]{1,40}$'),
    channel       text NOT NULL CHECK (channel IN ('slack', 'email', 'wordpress', 'webhook', 'github', 'visitor')),
    -- A handoff's, ticket's, proposal's or message's id.
    subject       uuid NOT NULL,
    state         text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'failed', 'dropped')),
    attempts      int NOT NULL DEFAULT 0,
    error         text CHECK (length(error) <= 500),
    remote_ref    text CHECK (length(remote_ref) <= 2000),
    at            timestamptz NOT NULL,
    sent_at       timestamptz,
    PRIMARY KEY (site_id, id),
    UNIQUE (site_id, kind, channel, subject)
);
CREATE INDEX notices_state ON notices (site_id, state, at);
CALL deskhand_tenant('notices', 'SELECT, INSERT, UPDATE');
