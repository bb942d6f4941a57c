-- What a turn with a language model needs beside the frame: personal data behind
-- placeholders, calls of models and what they cost, and sentences that the gate held back.

-- The values behind a thread's placeholders, sealed for thread and placeholder. Cards never
-- come here.
CREATE TABLE pii_vault (
    site_id       uuid NOT NULL,
    thread_id     uuid NOT NULL,
    placeholder   text NOT NULL CHECK (length(placeholder) BETWEEN 1 AND 64),
    n             int NOT NULL,
    sealed        bytea NOT NULL,
    PRIMARY KEY (site_id, thread_id, placeholder),
    FOREIGN KEY (site_id, thread_id) REFERENCES threads (site_id, id) ON DELETE CASCADE
);
CALL deskhand_tenant('pii_vault', 'SELECT, INSERT, DELETE');

-- One call of a language model. Money is in millionths of the configured currency's unit.
CREATE TABLE model_calls (
    site_id       uuid NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    id            uuid NOT NULL,
    -- None for a question without a conversation.
    turn_id       uuid,
    at            timestamptz NOT NULL,
    phase         text NOT NULL CHECK (phase IN ('plan', 'draft')),
    provider      text NOT NULL,
    model         text NOT NULL,
    -- Name, version and hash of the prompt.
    prompt        text NOT NULL,
    tokens_in     int NOT NULL,
    tokens_out    int NOT NULL,
    cost_micro    bigint NOT NULL,
    -- To the first token; none when none came.
    first_ms      int,
    ms            int NOT NULL,
    -- 'ok', or how it failed.
    outcome       text NOT NULL,
    PRIMARY KEY (site_id, id),
    FOREIGN KEY (site_id, turn_id) REFERENCES turns (site_id, id) ON DELETE CASCADE
);
CREATE INDEX model_calls_turn ON model_calls (site_id, turn_id);
CALL deskhand_tenant('model_calls', 'SELECT, INSERT');

-- What a brain wrote and the gate didn't let through; personal data is behind placeholders.
CREATE TABLE held_sentences (
    site_id       uuid NOT NULL,
    turn_id       uuid NOT NULL,
    round         int NOT NULL,
    i             int NOT NULL,
    text          text NOT NULL CHECK (length(text) <= 20000),
    cites         bigint[] NOT NULL,
    reason        text NOT NULL,
    at            timestamptz NOT NULL,
    PRIMARY KEY (site_id, turn_id, round, i),
    FOREIGN KEY (site_id, turn_id) REFERENCES turns (site_id, id) ON DELETE CASCADE
);
CALL deskhand_tenant('held_sentences', 'SELECT, INSERT');

-- What a site has spent on a day (UTC). A call's upper bound is added before it is made and
-- what it didn't cost is taken off after it, so that no race passes the cap, and a call
-- whose end nobody saw counts in full.
CREATE TABLE spend_daily (
    site_id       uuid NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    day           date NOT NULL,
    spent_micro   bigint NOT NULL CHECK (spent_micro >= 0),
    -- When staff were told that the cap is reached.
    told_at       timestamptz,
    PRIMARY KEY (site_id, day)
);
CALL deskhand_tenant('spend_daily', 'SELECT, INSERT, UPDATE');

-- Conversations of `deskhand eval` run on a site's own documents and are deleted after it.
ALTER TABLE threads DROP CONSTRAINT threads_channel_check;
ALTER TABLE threads ADD CONSTRAINT threads_channel_check
    CHECK (channel IN ('widget', 'email', 'slack', 'cli', 'eval'));
