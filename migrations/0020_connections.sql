-- What a site's owner gives us to reach other systems with: a shop's keys, a chat's address, a
-- token, a mirror's secret. One row a connection; what it needs of its own stands in config,
-- what must stay secret is sealed to site, kind and name.
CREATE TABLE connections (
    site_id       uuid NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    kind          text NOT NULL CHECK (kind ~ '^[a-z][a-z_]{0,39}$'),
    -- Empty: the only one of its kind.
    name          text NOT NULL DEFAULT '' CHECK (name ~ '^([a-z0-9][a-z0-9_-]{0,39})?$'),
    config        jsonb NOT NULL DEFAULT '{}'
                      CHECK (jsonb_typeof(config) = 'object' AND length(config::text) <= 262144),
    secret_sealed bytea CHECK (octet_length(secret_sealed) BETWEEN 1 AND 16384),
    at            timestamptz NOT NULL,
    PRIMARY KEY (site_id, kind, name)
);
CALL deskhand_tenant('connections');
