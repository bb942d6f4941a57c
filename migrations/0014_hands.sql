-- What acting on orders needs: the demo's orders, proofs of who a visitor is, proposals that
-- wait for a yes, staff's approvals, and the ledger that makes an effect happen once.

-- The built-in store of a fresh install; a shop of one's own has its orders elsewhere.
CREATE TABLE demo_orders (
    site_id       uuid NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    number        text NOT NULL CHECK (number ~ '^[A-Za-z0-9][A-Za-z0-9-]{0,31}$'),
    -- Lower case, for look-ups.
    email         text NOT NULL,
    body          jsonb NOT NULL,
    PRIMARY KEY (site_id, number)
);
CREATE INDEX demo_orders_email ON demo_orders (site_id, email);
CALL deskhand_tenant('demo_orders');

-- What was done to them, under the ledger's key: the store's own memory, as a real shop has it.
CREATE TABLE demo_acts (
    site_id       uuid NOT NULL,
    key           text NOT NULL CHECK (length(key) BETWEEN 1 AND 100),
    number        text NOT NULL,
    act           text NOT NULL CHECK (act IN ('refund', 'address')),
    amount_minor  bigint CHECK (amount_minor > 0),
    at            timestamptz NOT NULL,
    PRIMARY KEY (site_id, key),
    FOREIGN KEY (site_id, number) REFERENCES demo_orders (site_id, number) ON DELETE CASCADE,
    CHECK ((act = 'refund') = (amount_minor IS NOT NULL))
);
CREATE INDEX demo_acts_number ON demo_acts (site_id, number);
CALL deskhand_tenant('demo_acts', 'SELECT, INSERT');

-- Who a visitor has shown to be: by an order's number and its billing e-mail, or by a code
-- sent to an address. A code that isn't entered yet has no verified_at.
CREATE TABLE identity_proofs (
    site_id       uuid NOT NULL,
    id            uuid NOT NULL,
    visitor_id    uuid NOT NULL,
    method        text NOT NULL CHECK (method IN ('session', 'order', 'code')),
    email_sealed  bytea NOT NULL,
    -- Keyed, so that the same address is found without being readable.
    email_hash    bytea NOT NULL CHECK (octet_length(email_hash) = 32),
    -- A proof by an order is good for that order only.
    order_number  text,
    code_hash     bytea CHECK (octet_length(code_hash) = 32),
    tries         int NOT NULL DEFAULT 0,
    at            timestamptz NOT NULL,
    verified_at   timestamptz,
    expires_at    timestamptz NOT NULL,
    PRIMARY KEY (site_id, id),
    FOREIGN KEY (site_id, visitor_id) REFERENCES visitors (site_id, id) ON DELETE CASCADE,
    CHECK ((method = 'code') = (code_hash IS NOT NULL)),
    CHECK (method <> 'order' OR order_number IS NOT NULL)
);
CREATE INDEX identity_proofs_visitor ON identity_proofs (site_id, visitor_id, expires_at);
CREATE INDEX identity_proofs_expiry ON identity_proofs (expires_at);
CALL deskhand_tenant('identity_proofs');

-- Tries within a window, for what must not be guessed. The key is a hash.
CREATE TABLE guesses (
    site_id       uuid NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    key           bytea NOT NULL CHECK (octet_length(key) = 32),
    since         timestamptz NOT NULL,
    n             int NOT NULL,
    PRIMARY KEY (site_id, key)
);
CALL deskhand_tenant('guesses');

-- A write that waits for the visitor's yes. Its arguments are sealed and don't change: what is
-- confirmed is what runs.
CREATE TABLE proposals (
    site_id       uuid NOT NULL,
    id            uuid NOT NULL,
    thread_id     uuid NOT NULL,
    turn_id       uuid NOT NULL,
    tool          text NOT NULL,
    order_number  text NOT NULL,
    args_sealed   bytea NOT NULL,
    args_hash     bytea NOT NULL CHECK (octet_length(args_hash) = 32),
    policy        text NOT NULL,
    amount_minor  bigint CHECK (amount_minor > 0),
    currency      text CHECK (currency ~ '^[A-Z]{3}$'),
    -- What the visitor is asked, personal data behind the thread's placeholders.
    summary       text NOT NULL CHECK (length(summary) <= 1000),
    needs_approval boolean NOT NULL,
    state         text NOT NULL DEFAULT 'open' CHECK (state IN
                      ('open', 'declined', 'confirmed', 'waiting', 'refused', 'done', 'failed', 'unknown', 'void')),
    at            timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    confirmed_at  timestamptz,
    -- When the visitor was told what became of it, where staff had a say.
    told_at       timestamptz,
    PRIMARY KEY (site_id, id),
    FOREIGN KEY (site_id, thread_id) REFERENCES threads (site_id, id) ON DELETE CASCADE,
    FOREIGN KEY (site_id, turn_id) REFERENCES turns (site_id, id) ON DELETE CASCADE,
    CHECK ((amount_minor IS NULL) = (currency IS NULL))
);
CREATE INDEX proposals_thread ON proposals (site_id, thread_id, at);
CREATE INDEX proposals_turn ON proposals (site_id, turn_id);
-- One order has one undecided refund (or change) at a time.
CREATE UNIQUE INDEX proposals_one_waiting ON proposals (site_id, tool, order_number)
    WHERE state IN ('confirmed', 'waiting');
CALL deskhand_tenant('proposals');

-- A turn that began with a yes or a no by the widget's button.
ALTER TABLE turns
    ADD COLUMN proposal_id uuid,
    ADD COLUMN accepts boolean,
    ADD CHECK ((proposal_id IS NULL) = (accepts IS NULL)),
    ADD FOREIGN KEY (site_id, proposal_id) REFERENCES proposals (site_id, id) ON DELETE CASCADE;
CREATE INDEX turns_proposal ON turns (site_id, proposal_id) WHERE proposal_id IS NOT NULL;

-- Staff's word on a proposal. The token is sealed to everything that it allows: site, thread,
-- order, amount, arguments, policy and expiry. If any of that changes it can't be opened.
CREATE TABLE approvals (
    site_id       uuid NOT NULL,
    proposal_id   uuid NOT NULL,
    staff         text NOT NULL CHECK (length(staff) BETWEEN 1 AND 200),
    granted       boolean NOT NULL,
    token         bytea,
    at            timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    used_at       timestamptz,
    PRIMARY KEY (site_id, proposal_id),
    FOREIGN KEY (site_id, proposal_id) REFERENCES proposals (site_id, id) ON DELETE CASCADE,
    CHECK (granted = (token IS NOT NULL))
);
CALL deskhand_tenant('approvals', 'SELECT, INSERT, UPDATE');

-- The ledger: a row is there before the effect is asked for. What can't be told is `unknown`,
-- goes to a person, and is never tried again. It outlives its thread: money has no retention
-- of ninety days.
CREATE TABLE effects (
    site_id       uuid NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    key           text NOT NULL CHECK (length(key) BETWEEN 1 AND 100),
    tool          text NOT NULL,
    order_number  text NOT NULL,
    amount_minor  bigint,
    currency      text,
    state         text NOT NULL CHECK (state IN ('started', 'done', 'failed', 'unknown')),
    -- The other side's own name for what it did.
    remote_ref    text,
    code          text,
    at            timestamptz NOT NULL,
    ended_at      timestamptz,
    PRIMARY KEY (site_id, key),
    CHECK ((state = 'started') = (ended_at IS NULL))
);
CREATE INDEX effects_open ON effects (at) WHERE state = 'started';
CALL deskhand_tenant('effects', 'SELECT, INSERT, UPDATE');

-- Who did what; nothing of it can be changed or taken out by the application.
CREATE TABLE audit (
    site_id       uuid NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    id            bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    at            timestamptz NOT NULL,
    -- `agent`, `visitor`, `system`, or `staff:NAME`.
    who           text NOT NULL CHECK (length(who) BETWEEN 1 AND 210),
    act           text NOT NULL CHECK (act ~ '^[a-z_]{1,60}$'),
    thread_id     uuid,
    subject       text CHECK (length(subject) <= 200),
    detail        jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (site_id, id)
);
CREATE INDEX audit_thread ON audit (site_id, thread_id) WHERE thread_id IS NOT NULL;
CREATE INDEX audit_at ON audit (site_id, at);
CALL deskhand_tenant('audit', 'SELECT, INSERT');
