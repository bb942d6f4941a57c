-- What intake keeps, and for how long: webhooks that nobody vouches for, what tells an unchanged
-- file, and the end of what a site keeps no longer.

-- Webhooks to a known site whose signature was wrong: counted by day and sender. Nothing of
-- what they say is kept: anybody can send them.
CREATE TABLE refused_webhooks (
    site_id       uuid NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    day           date NOT NULL,
    source        text NOT NULL CHECK (source ~ '^[a-z][a-z0-9_]{0,31}$'),
    -- Who sent them, or `others` once a day has many.
    address       text NOT NULL CHECK (length(address) BETWEEN 1 AND 64),
    n             bigint NOT NULL CHECK (n > 0),
    first_at      timestamptz NOT NULL,
    last_at       timestamptz NOT NULL,
    -- Of the last one.
    user_agent    text CHECK (length(user_agent) <= 200),
    PRIMARY KEY (site_id, day, source, address)
);
CALL deskhand_tenant('refused_webhooks');

-- Where a document's live content was fetched from and how its server tells that version from
-- others; `sha256` is the content's, so that this is never said of another one.
ALTER TABLE documents ADD COLUMN fetched jsonb CHECK (octet_length(fetched::text) <= 8000);

-- A site's idle conversations are looked for by their age.
CREATE INDEX threads_created ON threads (site_id, created_at);
CREATE INDEX tickets_age ON tickets (site_id, (coalesce(resolved_at, updated_at)));
CREATE INDEX inbound_events_received ON inbound_events (site_id, received_at);
-- They were looked for over all sites before.
DROP INDEX inbound_events_age;

-- The audit can't be changed by the application, but what is older than the site keeps it goes.
-- Of the transaction's own site only.
CREATE POLICY system ON audit TO deskhand_system
    USING (site_id = nullif(current_setting('deskhand.site', true), '')::uuid);
GRANT SELECT, DELETE ON audit TO deskhand_system;
CREATE FUNCTION deskhand_prune_audit(older_than timestamptz, most int) RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
    WITH old AS (
        SELECT site_id, id FROM public.audit WHERE at < older_than ORDER BY at LIMIT most
    ), gone AS (
        DELETE FROM public.audit a USING old o WHERE a.site_id = o.site_id AND a.id = o.id RETURNING 1
    )
    SELECT count(*) FROM gone
$$;
ALTER FUNCTION deskhand_prune_audit OWNER TO deskhand_system;
REVOKE ALL ON FUNCTION deskhand_prune_audit FROM PUBLIC;
GRANT EXECUTE ON FUNCTION deskhand_prune_audit TO deskhand_app;

-- Stores webhooks that weren't there yet, each with its job and, where it brings content, its
-- document, and gives the ids of the new ones: one round trip, which may be a transaction of its
-- own. It runs as its caller, under row security, and sets the site first, as Db::site does.
-- Idle workers are told unless a job of the kind waits already, whose enqueuer has told them.
CREATE FUNCTION deskhand_take_events(
    p_site uuid, p_ids uuid[], p_sources text[], p_keys text[], p_kinds text[], p_shas bytea[], p_raws bytea[],
    p_headers jsonb[], p_kids text[], p_event_at timestamptz[], p_received timestamptz[], p_documents uuid[],
    p_jobs uuid[], p_document_sources text[], p_names text[], p_titles text[], p_removes bool[],
    p_urgent smallint, p_usual smallint, p_attempts int)
RETURNS SETOF uuid
LANGUAGE plpgsql AS $$
DECLARE
    tell boolean;
BEGIN
    PERFORM set_config('deskhand.site', p_site::text, true);
    tell := EXISTS (
        SELECT FROM unnest(ARRAY[p_urgent, p_usual]) AS p (priority)
        WHERE (p.priority = p_urgent AND true = ANY (p_removes) OR p.priority = p_usual AND false = ANY (p_removes))
          AND NOT EXISTS (SELECT FROM jobs j
                          WHERE j.state = 'waiting' AND j.kind = 'take_event' AND j.lane = p_site
                            AND j.priority = p.priority AND j.run_at <= now()));
    RETURN QUERY
    WITH given AS MATERIALIZED (
        SELECT * FROM unnest(p_ids, p_sources, p_keys, p_kinds, p_shas, p_raws, p_headers, p_kids, p_event_at,
                             p_received, p_documents, p_jobs, p_document_sources, p_names, p_titles, p_removes)
             AS g (id, source, key, kind, sha, raw, headers, kid, event_at, received_at, document, job,
                   document_source, name, title, removes)
    ), fresh AS (
        INSERT INTO inbound_events (site_id, id, source, external_id, kind, body_sha256, raw, headers,
                                    signature_valid, kid, event_at, received_at, document_id, job_id)
        SELECT p_site, g.id, g.source, g.key, g.kind, g.sha, g.raw, g.headers, true, g.kid, g.event_at, g.received_at,
               g.document, g.job
        FROM given g
        ON CONFLICT DO NOTHING
        RETURNING id
    ), described AS (
        INSERT INTO documents (site_id, id, source, external_id, title)
        SELECT DISTINCT ON (g.document) p_site, g.document, g.document_source, g.name, g.title
        FROM given g JOIN fresh f ON f.id = g.id WHERE NOT g.removes
        ORDER BY g.document
        ON CONFLICT DO NOTHING
    ), queued AS (
        INSERT INTO jobs (id, site_id, kind, key, args, priority, max_attempts)
        SELECT g.job, p_site, 'take_event', g.id::text, jsonb_build_object('event', g.id, 'document', g.document),
               CASE WHEN g.removes THEN p_urgent ELSE p_usual END, p_attempts
        FROM given g JOIN fresh f ON f.id = g.id
    )
    SELECT f.id FROM fresh f;
    IF tell THEN
        PERFORM pg_notify('deskhand_jobs', '');
    END IF;
END $$;
