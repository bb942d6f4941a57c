-- What was deleted, and how much of it.
CREATE TABLE deletion_receipts (
    site_id       uuid NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    id            uuid NOT NULL,
    kind          text NOT NULL CHECK (kind IN ('document', 'person')),
    -- Of what the subject was named by; nobody finds the name by it who doesn't have it.
    subject_hash  bytea NOT NULL CHECK (octet_length(subject_hash) = 32),
    counts        jsonb NOT NULL,
    at            timestamptz NOT NULL,
    PRIMARY KEY (site_id, id)
);
CALL deskhand_tenant('deletion_receipts', 'SELECT, INSERT');
