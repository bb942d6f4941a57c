-- Crawls: addresses whose pages are taken in night by night, and the pages that are known
-- of each; and who was told that a site's knowledge is too old or none at all.

CREATE TABLE crawls (
    site_id       uuid NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    id            uuid NOT NULL,
    -- A page or a sitemap.
    url           text NOT NULL CHECK (length(url) BETWEEN 1 AND 1000),
    max_pages     int NOT NULL CHECK (max_pages BETWEEN 1 AND 50000),
    max_depth     int NOT NULL CHECK (max_depth BETWEEN 0 AND 20),
    -- Between two requests; robots.txt may ask for more.
    delay_ms      int NOT NULL CHECK (delay_ms BETWEEN 0 AND 60000),
    -- Patterns as in robots.txt.
    exclude       text[] NOT NULL DEFAULT '{}',
    -- Of the day, in UTC.
    at_minute     smallint NOT NULL CHECK (at_minute BETWEEN 0 AND 1439),
    created_at    timestamptz NOT NULL,
    next_run_at   timestamptz NOT NULL,
    state         text NOT NULL DEFAULT 'idle' CHECK (state IN ('idle', 'queued', 'running', 'removing')),
    -- The run under way, or the last one.
    run           int NOT NULL DEFAULT 0,
    job_id        uuid,
    started_at    timestamptz,
    -- Where the start led to.
    landed        text CHECK (length(landed) <= 1000),
    bytes         bigint NOT NULL DEFAULT 0,
    -- Whether it has found more pages than it may visit.
    limited       boolean NOT NULL DEFAULT false,
    -- Requests in a row that the server failed at.
    failures      int NOT NULL DEFAULT 0,
    -- How the last run ended: a code, and a sentence where it failed.
    outcome       text CHECK (length(outcome) <= 64),
    detail        text CHECK (length(detail) <= 2000),
    finished_at   timestamptz,
    succeeded_at  timestamptz,
    PRIMARY KEY (site_id, id),
    UNIQUE (site_id, url)
);
-- One connection a host: a site's crawls run one after the other, on whatever replica.
CREATE UNIQUE INDEX crawls_one_running ON crawls (site_id) WHERE state = 'running';
CREATE INDEX crawls_due ON crawls (next_run_at) WHERE state = 'idle';
CALL deskhand_tenant('crawls');
CREATE POLICY system ON crawls FOR SELECT TO deskhand_system USING (true);
GRANT SELECT ON crawls TO deskhand_system;

CREATE TABLE crawl_pages (
    site_id       uuid NOT NULL,
    crawl_id      uuid NOT NULL,
    url           text NOT NULL CHECK (length(url) BETWEEN 1 AND 1000),
    -- 0 the start, 1 a sitemap, 2 a page; also the order in which they are visited.
    kind          smallint NOT NULL CHECK (kind BETWEEN 0 AND 2),
    depth         int NOT NULL,
    -- Redirects from the start to here.
    hops          smallint NOT NULL DEFAULT 0,
    -- The run that it is to be visited in, and the one that it was visited in last.
    run           int NOT NULL,
    visited       int NOT NULL DEFAULT 0,
    -- Visits of this run that the server put off.
    tries         smallint NOT NULL DEFAULT 0,
    state         text NOT NULL DEFAULT 'new' CHECK (state IN
                      ('new', 'taken', 'unchanged', 'listed', 'skipped', 'moved', 'refused', 'gone', 'failed')),
    reason        text CHECK (length(reason) <= 64),
    -- For asking whether it has changed.
    etag          text CHECK (length(etag) <= 1000),
    last_modified text CHECK (length(last_modified) <= 100),
    -- What a sitemap says of its last change, and what it said when the page was read.
    changed       text CHECK (length(changed) <= 40),
    read_changed  text CHECK (length(read_changed) <= 40),
    read_at       timestamptz,
    document_id   uuid,
    -- Runs in a row in which it couldn't be had.
    misses        smallint NOT NULL DEFAULT 0,
    PRIMARY KEY (site_id, crawl_id, url),
    FOREIGN KEY (site_id, crawl_id) REFERENCES crawls (site_id, id) ON DELETE CASCADE
);
CREATE INDEX crawl_pages_frontier ON crawl_pages (site_id, crawl_id, run, kind, depth, url) WHERE visited < run;
CREATE INDEX crawl_pages_document ON crawl_pages (site_id, document_id) WHERE document_id IS NOT NULL;
CALL deskhand_tenant('crawl_pages');

-- A page that a crawl finds may be known already by its address.
CREATE INDEX documents_url ON documents (site_id, url) WHERE url IS NOT NULL AND deleted_at IS NULL;

-- Crawls that are due, and runs whose job has died: what the clock must look at.
CREATE FUNCTION deskhand_crawls_due(at timestamptz) RETURNS TABLE (site_id uuid, id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
    SELECT c.site_id, c.id FROM public.crawls c
     WHERE (c.state = 'idle' AND c.next_run_at <= at)
        OR (c.state IN ('running', 'removing') AND NOT EXISTS (
               SELECT FROM public.jobs j WHERE j.id = c.job_id AND j.state IN ('waiting', 'running')))
     ORDER BY c.next_run_at LIMIT 1000
$$;
ALTER FUNCTION deskhand_crawls_due OWNER TO deskhand_system;
GRANT SELECT ON jobs TO deskhand_system;
REVOKE ALL ON FUNCTION deskhand_crawls_due FROM PUBLIC;
GRANT EXECUTE ON FUNCTION deskhand_crawls_due TO deskhand_app;

-- When a site's knowledge was last brought up to date without anything new in it.
CREATE TABLE knowledge_checks (
    site_id       uuid PRIMARY KEY REFERENCES sites (id) ON DELETE CASCADE,
    synced_at     timestamptz,
    -- What staff were told is wrong with it; null once it is right again.
    told          text CHECK (told IN ('empty', 'stale')),
    told_at       timestamptz
);
CALL deskhand_tenant('knowledge_checks');

-- Sites whose knowledge is older than they allow, or that have none.
CREATE FUNCTION deskhand_unfresh_sites(at timestamptz) RETURNS TABLE (slug text, fault text, newest timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
    WITH known AS (
        SELECT s.slug, (s.settings->>'max_age_hours')::int AS hours,
               EXISTS (SELECT FROM public.documents d
                        WHERE d.site_id = s.id AND d.deleted_at IS NULL AND d.version > 0
                          AND d.review = 'approved' AND d.visibility = 'public') AS "any",
               CASE WHEN (s.settings->>'max_age_hours')::int > 0 THEN greatest(
                   (SELECT max(d.updated_at) FROM public.documents d
                     WHERE d.site_id = s.id AND d.deleted_at IS NULL),
                   (SELECT max(c.succeeded_at) FROM public.crawls c WHERE c.site_id = s.id),
                   (SELECT k.synced_at FROM public.knowledge_checks k WHERE k.site_id = s.id)) END AS newest
          FROM public.sites s WHERE s.slug NOT LIKE 'eval-%')
    SELECT slug, CASE WHEN "any" THEN 'stale' ELSE 'empty' END, newest FROM known
     WHERE NOT "any" OR (hours > 0 AND (newest IS NULL OR newest < at - make_interval(hours => hours)))
     ORDER BY slug LIMIT 1000
$$;
ALTER FUNCTION deskhand_unfresh_sites OWNER TO deskhand_system;
CREATE POLICY system ON documents FOR SELECT TO deskhand_system USING (true);
CREATE POLICY system ON knowledge_checks FOR SELECT TO deskhand_system USING (true);
GRANT SELECT ON documents, knowledge_checks TO deskhand_system;
REVOKE ALL ON FUNCTION deskhand_unfresh_sites FROM PUBLIC;
GRANT EXECUTE ON FUNCTION deskhand_unfresh_sites TO deskhand_app;
