-- Breakers of tools over all replicas, and what servers that a site's operator connects say
-- that they can do.

-- A row is there only while there is something to remember: failures that still count, or a
-- breaker that isn't closed.
CREATE TABLE tool_breakers (
    site_id       uuid NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    -- A tool's name, or a connection's as kind/name.
    name          text NOT NULL CHECK (length(name) BETWEEN 1 AND 130),
    state         jsonb NOT NULL,
    at            timestamptz NOT NULL,
    PRIMARY KEY (site_id, name)
);
CALL deskhand_tenant('tool_breakers');

-- The tools that an MCP server offers, as it told them last. Which of them the agent may use
-- is the connection's to say.
CREATE TABLE tool_catalogues (
    site_id       uuid NOT NULL,
    kind          text NOT NULL,
    name          text NOT NULL,
    tools         jsonb NOT NULL DEFAULT '[]',
    -- When they were told; none when they never were.
    at            timestamptz,
    -- When they were last asked for, so that one replica asks at a time.
    tried_at      timestamptz NOT NULL,
    -- Why they weren't told the last time, in a sentence.
    failure       text CHECK (length(failure) <= 500),
    PRIMARY KEY (site_id, kind, name),
    FOREIGN KEY (site_id, kind, name) REFERENCES connections (site_id, kind, name) ON DELETE CASCADE
);
CALL deskhand_tenant('tool_catalogues');
