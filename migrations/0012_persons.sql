-- Persons: found by their address though it is sealed, exported, erased; and what a logged-in
-- customer's site says of them.

ALTER TABLE visitors
    -- A keyed hash of the address in small letters; none yet: it is made when somebody asks
    -- for a person.
    ADD COLUMN email_hash bytea CHECK (octet_length(email_hash) = 32),
    -- The user of WordPress, as the token said.
    ADD COLUMN wp_user_id bigint CHECK (wp_user_id > 0),
    -- Name, address and orders as the site gave them last, sealed.
    ADD COLUMN profile_sealed bytea,
    ADD COLUMN profile_hash bytea CHECK (octet_length(profile_hash) = 32),
    ADD COLUMN profile_at timestamptz;
CREATE INDEX visitors_email ON visitors (site_id, email_hash) WHERE email_hash IS NOT NULL;
CREATE INDEX visitors_profile ON visitors (site_id, profile_hash) WHERE profile_hash IS NOT NULL;
CREATE INDEX visitors_unhashed ON visitors (site_id) WHERE email_sealed IS NOT NULL AND email_hash IS NULL;

ALTER TABLE pii_vault ADD COLUMN email_hash bytea CHECK (octet_length(email_hash) = 32);
GRANT UPDATE (email_hash) ON pii_vault TO deskhand_app;
CREATE INDEX pii_vault_email ON pii_vault (site_id, email_hash) WHERE email_hash IS NOT NULL;
CREATE INDEX pii_vault_unhashed ON pii_vault (site_id) WHERE placeholder LIKE '[EMAIL%' AND email_hash IS NULL;

-- Which conversations are gone, told only to whoever knows thread and visitor: the hash is
-- over both, so that nobody is recorded here.
CREATE TABLE erased_threads (
    site_id       uuid NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    hash          bytea NOT NULL CHECK (octet_length(hash) = 32),
    at            timestamptz NOT NULL,
    PRIMARY KEY (site_id, hash)
);
CALL deskhand_tenant('erased_threads', 'SELECT, INSERT');

-- What erased conversations counted for in usage and cost: sums by day, nobody's any more.
-- The row without a provider counts turns, the others calls of models.
CREATE TABLE usage_erased (
    site_id       uuid NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    day           date NOT NULL,
    provider      text NOT NULL,
    model         text NOT NULL,
    turns         bigint NOT NULL DEFAULT 0,
    answered      bigint NOT NULL DEFAULT 0,
    handoffs      bigint NOT NULL DEFAULT 0,
    degraded      bigint NOT NULL DEFAULT 0,
    calls         bigint NOT NULL DEFAULT 0,
    tokens_in     bigint NOT NULL DEFAULT 0,
    tokens_out    bigint NOT NULL DEFAULT 0,
    cost_micro    bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (site_id, day, provider, model)
);
CALL deskhand_tenant('usage_erased', 'SELECT, INSERT, UPDATE');
