-- The knowledge base: documents, the bytes that wait for ingestion, the versions that
-- came of them, the chunks that a search returns, and the postings from which it ranks
-- them by BM25 (db/postings.rs has the formula).

-- A source. Its title and URL are those of the live version, so that what a search shows
-- and what it matched never differ.
CREATE TABLE documents (
    site_id       uuid NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    id            uuid NOT NULL,
    -- Where it comes from, and its name there.
    source        text NOT NULL CHECK (source ~ '^[a-z][a-z0-9_]{0,31}$'),
    external_id   text NOT NULL CHECK (length(external_id) BETWEEN 1 AND 1000),
    title         text NOT NULL DEFAULT '' CHECK (length(title) <= 500),
    url           text CHECK (length(url) <= 2000),
    visibility    text NOT NULL DEFAULT 'public' CHECK (visibility IN ('public', 'private')),
    -- The channels that may answer from it; empty: all.
    channels      text[] NOT NULL DEFAULT '{}',
    tags          text[] NOT NULL DEFAULT '{}',
    review        text NOT NULL DEFAULT 'approved' CHECK (review IN ('pending', 'approved', 'refused')),
    -- The text search configuration of the live version.
    lang          text CHECK (lang ~ '^[a-z_]{1,40}$'),
    -- How many versions have been live.
    version       int NOT NULL DEFAULT 0,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz,
    -- A deleted document keeps its name only, so that what was queued before the
    -- deletion can't bring it back.
    deleted_at    timestamptz,
    PRIMARY KEY (site_id, id),
    UNIQUE (site_id, source, external_id)
);
CALL deskhand_tenant('documents');

-- Raw bytes that wait for ingestion. A document has at most one: a newer upload takes
-- the older one's place, and the transaction that makes a version live takes the row.
CREATE TABLE uploads (
    site_id       uuid NOT NULL,
    id            uuid NOT NULL,
    document_id   uuid NOT NULL,
    name          text NOT NULL CHECK (length(name) BETWEEN 1 AND 1000),
    media_hint    text CHECK (length(media_hint) <= 200),
    title         text CHECK (length(title) <= 500),
    url           text CHECK (length(url) <= 2000),
    bytes         bytea NOT NULL CHECK (octet_length(bytes) <= 20 * 1024 * 1024),
    sha256        bytea NOT NULL CHECK (octet_length(sha256) = 32),
    at            timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (site_id, id),
    UNIQUE (site_id, document_id),
    FOREIGN KEY (site_id, document_id) REFERENCES documents (site_id, id) ON DELETE CASCADE
);
CREATE INDEX uploads_at ON uploads (at);
CALL deskhand_tenant('uploads');
CREATE POLICY system ON uploads TO deskhand_system USING (true);
GRANT SELECT, DELETE ON uploads TO deskhand_system;

-- One content of a document. Only the live one keeps its text.
CREATE TABLE versions (
    site_id       uuid NOT NULL,
    id            uuid NOT NULL,
    document_id   uuid NOT NULL,
    sha256        bytea NOT NULL CHECK (octet_length(sha256) = 32),
    -- Under which rules it was extracted and cut; other rules make the same bytes new.
    recipe        text NOT NULL,
    state         text NOT NULL CHECK (state IN ('live', 'replaced', 'failed')),
    failure_code  text,
    failure       text,
    chunks        int NOT NULL DEFAULT 0,
    tokens        int NOT NULL DEFAULT 0,
    markdown      text,
    at            timestamptz NOT NULL,
    PRIMARY KEY (site_id, id),
    FOREIGN KEY (site_id, document_id) REFERENCES documents (site_id, id) ON DELETE CASCADE,
    CHECK ((state = 'failed') = (failure_code IS NOT NULL)),
    CHECK ((state = 'failed') = (failure IS NOT NULL)),
    CHECK ((state = 'live') = (markdown IS NOT NULL))
);
CREATE INDEX versions_document ON versions (site_id, document_id);
CREATE UNIQUE INDEX versions_one_live ON versions (site_id, document_id) WHERE state = 'live';
CREATE UNIQUE INDEX versions_one_failed ON versions (site_id, document_id) WHERE state = 'failed';
CALL deskhand_tenant('versions');

-- A passage of a live version. A chunk is here exactly as long as its version is live.
CREATE TABLE chunks (
    site_id       uuid NOT NULL,
    id            bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    version_id    uuid NOT NULL,
    document_id   uuid NOT NULL,
    n             int NOT NULL,
    heading_path  text[] NOT NULL DEFAULT '{}',
    anchor        text,
    page          int CHECK (page > 0),
    text          text NOT NULL,
    -- Of heading path and text: what need not be embedded again.
    hash          bytea NOT NULL CHECK (octet_length(hash) = 32),
    lang          text NOT NULL CHECK (lang ~ '^[a-z_]{1,40}$'),
    -- The sum of its postings' tf, BM25's document length.
    length        int NOT NULL CHECK (length >= 0),
    tokens        int NOT NULL CHECK (tokens >= 0),
    PRIMARY KEY (site_id, id),
    UNIQUE (site_id, version_id, n),
    FOREIGN KEY (site_id, version_id) REFERENCES versions (site_id, id) ON DELETE CASCADE,
    FOREIGN KEY (site_id, document_id) REFERENCES documents (site_id, id) ON DELETE CASCADE
);
CREATE INDEX chunks_document ON chunks (site_id, document_id);
CALL deskhand_tenant('chunks');

-- Which chunk has which lexeme how often. The chunk's length stands here again so that
-- ranking reads this index alone.
CREATE TABLE postings (
    site_id       uuid NOT NULL,
    lang          text NOT NULL,
    term          text NOT NULL,
    chunk_id      bigint NOT NULL,
    tf            int NOT NULL CHECK (tf > 0),
    length        int NOT NULL CHECK (length > 0),
    PRIMARY KEY (site_id, lang, term, chunk_id) INCLUDE (tf, length),
    FOREIGN KEY (site_id, chunk_id) REFERENCES chunks (site_id, id) ON DELETE CASCADE
);
-- One entry a chunk after deduplication: what a chunk's deletion needs.
CREATE INDEX postings_chunk ON postings (site_id, chunk_id);
CALL deskhand_tenant('postings');
-- Index-only scans need a fresh visibility map.
ALTER TABLE postings SET (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_vacuum_scale_factor = 0.05);

-- In how many chunks a lexeme occurs. Kept exact by the transaction that changes chunks,
-- which holds the site's row of knowledge_state meanwhile.
CREATE TABLE term_stats (
    site_id       uuid NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    lang          text NOT NULL,
    term          text NOT NULL,
    df            bigint NOT NULL CHECK (df > 0),
    PRIMARY KEY (site_id, lang, term)
) WITH (fillfactor = 80);
CALL deskhand_tenant('term_stats');

-- N and the sum of all lengths; a language without chunks has no row.
CREATE TABLE corpus_stats (
    site_id       uuid NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    lang          text NOT NULL,
    chunks        bigint NOT NULL CHECK (chunks > 0),
    total_length  bigint NOT NULL CHECK (total_length >= 0),
    PRIMARY KEY (site_id, lang)
);
CALL deskhand_tenant('corpus_stats');

-- The lock under which a site's statistics change, and a number that rises with every
-- change of its knowledge.
CREATE TABLE knowledge_state (
    site_id       uuid NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    revision      bigint NOT NULL,
    PRIMARY KEY (site_id)
);
CALL deskhand_tenant('knowledge_state');

-- Uploads that no job took; the count of those deleted.
CREATE FUNCTION deskhand_prune_uploads(older_than interval) RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
    WITH gone AS (DELETE FROM public.uploads WHERE at < now() - older_than RETURNING 1) SELECT count(*) FROM gone
$$;
ALTER FUNCTION deskhand_prune_uploads OWNER TO deskhand_system;
REVOKE ALL ON FUNCTION deskhand_prune_uploads FROM PUBLIC;
GRANT EXECUTE ON FUNCTION deskhand_prune_uploads TO deskhand_app;
