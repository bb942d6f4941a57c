-- AI jobs: what a site's WordPress asks to be answered in the background (GW-7), and every
-- try to bring the result back.

CREATE TABLE ai_jobs (
    site_id       uuid NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    id            uuid NOT NULL,
    -- The token's `jti`: the same one again is the same job.
    jti           text NOT NULL CHECK (length(jti) BETWEEN 1 AND 200),
    body_hash     bytea NOT NULL CHECK (octet_length(body_hash) = 32),
    -- The secret that the token was signed with: while secrets rotate the site knows this one.
    kid           text NOT NULL,
    -- None for the site's own.
    visitor_id    uuid,
    route         text NOT NULL CHECK (route IN ('chat', 'infer')),
    priority      smallint NOT NULL CHECK (priority BETWEEN 0 AND 2),
    -- What was asked, and later what came of it: sealed for the job.
    request       bytea NOT NULL CHECK (octet_length(request) <= 131072),
    result        bytea CHECK (octet_length(result) <= 262144),
    -- Keyed hashes of the addresses that stand in a request of the site's own, so that a
    -- person is found.
    addresses     bytea[] NOT NULL DEFAULT '{}',
    callback_url  text NOT NULL CHECK (length(callback_url) BETWEEN 1 AND 2000),
    state         text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'running', 'succeeded', 'failed')),
    error_code    text,
    error_detail  text CHECK (length(error_detail) <= 2000),
    provider      text,
    tokens_in     bigint NOT NULL DEFAULT 0,
    tokens_out    bigint NOT NULL DEFAULT 0,
    cost_micro    bigint NOT NULL DEFAULT 0,
    ms            bigint,
    callback      text NOT NULL DEFAULT 'waiting' CHECK (callback IN ('waiting', 'delivered', 'dead')),
    created_at    timestamptz NOT NULL,
    started_at    timestamptz,
    finished_at   timestamptz,
    PRIMARY KEY (site_id, id),
    UNIQUE (site_id, jti),
    FOREIGN KEY (site_id, visitor_id) REFERENCES visitors (site_id, id) ON DELETE CASCADE,
    CHECK ((state IN ('succeeded', 'failed')) = (finished_at IS NOT NULL)),
    CHECK ((state = 'failed') = (error_code IS NOT NULL)),
    CHECK (state <> 'succeeded' OR result IS NOT NULL)
);
CREATE INDEX ai_jobs_visitor ON ai_jobs (site_id, visitor_id);
CREATE INDEX ai_jobs_open ON ai_jobs (site_id) WHERE state IN ('pending', 'running');
CREATE INDEX ai_jobs_age ON ai_jobs (finished_at) WHERE finished_at IS NOT NULL;
CALL deskhand_tenant('ai_jobs');
CREATE POLICY system ON ai_jobs TO deskhand_system USING (true);
GRANT SELECT, DELETE ON ai_jobs TO deskhand_system;

-- The ledger of deliveries: one row a try.
CREATE TABLE ai_job_callbacks (
    site_id       uuid NOT NULL,
    job_id        uuid NOT NULL,
    n             int NOT NULL CHECK (n > 0),
    at            timestamptz NOT NULL,
    ms            int NOT NULL,
    -- What the site answered; none: there was no answer.
    status        int,
    code          text CHECK (length(code) <= 100),
    PRIMARY KEY (site_id, job_id, n),
    FOREIGN KEY (site_id, job_id) REFERENCES ai_jobs (site_id, id) ON DELETE CASCADE
);
CALL deskhand_tenant('ai_job_callbacks', 'SELECT, INSERT');

-- AI jobs that ended longer ago than that; the count of those deleted.
CREATE FUNCTION deskhand_prune_ai_jobs(older_than interval) RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
    WITH gone AS (DELETE FROM public.ai_jobs WHERE finished_at < now() - older_than RETURNING 1)
    SELECT count(*) FROM gone
$$;
-- AI jobs that haven't ended and that no job in the queue works on any more.
CREATE FUNCTION deskhand_abandoned_ai_jobs() RETURNS TABLE (site_id uuid, job_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
    SELECT a.site_id, a.id FROM public.ai_jobs a
    WHERE a.state IN ('pending', 'running')
      AND NOT EXISTS (SELECT 1 FROM public.jobs j
                      WHERE j.lane = a.site_id AND j.kind = 'ai_job' AND j.key = a.id::text
                        AND j.state IN ('waiting', 'running'))
    LIMIT 100
$$;
GRANT SELECT ON jobs TO deskhand_system;
ALTER FUNCTION deskhand_abandoned_ai_jobs OWNER TO deskhand_system;
REVOKE ALL ON FUNCTION deskhand_abandoned_ai_jobs FROM PUBLIC;
GRANT EXECUTE ON FUNCTION deskhand_abandoned_ai_jobs TO deskhand_app;

ALTER FUNCTION deskhand_prune_ai_jobs OWNER TO deskhand_system;
REVOKE ALL ON FUNCTION deskhand_prune_ai_jobs FROM PUBLIC;
GRANT EXECUTE ON FUNCTION deskhand_prune_ai_jobs TO deskhand_app;

-- Calls for AI jobs that need no conversation.
ALTER TABLE model_calls DROP CONSTRAINT model_calls_phase_check;
ALTER TABLE model_calls ADD CONSTRAINT model_calls_phase_check CHECK (phase IN ('plan', 'draft', 'infer'));
