-- The queue and what fills it by the clock.
--
-- No row security: a worker looks over all sites before it knows whose job it takes.
-- Rows therefore hold ids and codes, never what a visitor wrote.

CREATE TABLE jobs (
    id            uuid PRIMARY KEY,
    -- Null for work that belongs to no site.
    site_id       uuid REFERENCES sites (id) ON DELETE CASCADE,
    -- The site as a value that is never null, so that an index can step from one to the next.
    lane          uuid NOT NULL GENERATED ALWAYS AS
                      (coalesce(site_id, '00000000-0000-0000-0000-000000000000'::uuid)) STORED,
    kind          text NOT NULL CHECK (kind ~ '^[a-z][a-z_]{0,62}$'),
    key           text NOT NULL CHECK (length(key) BETWEEN 1 AND 500),
    args          jsonb NOT NULL CHECK (length(args::text) <= 65536),
    priority      smallint NOT NULL CHECK (priority BETWEEN 0 AND 2),
    state         text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'running', 'done', 'dead')),
    run_at        timestamptz NOT NULL DEFAULT now(),
    -- Counted when it is claimed, so that a job that kills its worker runs out of them too.
    attempts      int NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    max_attempts  int NOT NULL CHECK (max_attempts BETWEEN 1 AND 100),
    -- Who runs it: a lease on the database's clock, and an epoch that a zombie can't match.
    owner         uuid,
    epoch         bigint NOT NULL DEFAULT 0,
    lease_until   timestamptz,
    claimed_at    timestamptz,
    -- {"stage": text, "share": 0..1}
    progress      jsonb,
    -- Why it failed last: a code for programs, a sentence for people.
    error_code    text,
    error_detail  text CHECK (length(error_detail) <= 2000),
    created_at    timestamptz NOT NULL DEFAULT now(),
    finished_at   timestamptz,
    CHECK ((state = 'running') = (owner IS NOT NULL)),
    CHECK ((state = 'running') = (lease_until IS NOT NULL)),
    CHECK ((state IN ('done', 'dead')) = (finished_at IS NOT NULL)),
    CHECK (state <> 'dead' OR error_code IS NOT NULL)
) WITH (
    -- Rows change state three times and heartbeats rewrite them in place; dead versions
    -- at the head of the queue are what every claim would have to step over.
    fillfactor = 70,
    autovacuum_vacuum_scale_factor = 0.01,
    autovacuum_vacuum_threshold = 500,
    autovacuum_analyze_scale_factor = 0.05,
    -- A drained queue that shrinks to no pages makes the planner cache sequential scans,
    -- which are still there when the next hundred thousand jobs come.
    vacuum_truncate = off
);

-- One live job a key. Sites may use the same key.
CREATE UNIQUE INDEX jobs_live ON jobs (lane, kind, key) WHERE state IN ('waiting', 'running');
-- Enqueuing the same work again takes the dead one's place.
CREATE INDEX jobs_dead ON jobs (lane, kind, key) WHERE state = 'dead';
-- The claim steps over the first job of each kind, site and priority, however many wait behind it.
CREATE INDEX jobs_waiting ON jobs (kind, lane, priority, run_at, id) WHERE state = 'waiting';
-- Few rows at any time. lease_until stays out of it, so that a heartbeat needs no new index entry.
CREATE INDEX jobs_running ON jobs (lane) WHERE state = 'running';
-- When a site was last served.
CREATE INDEX jobs_served ON jobs (lane, priority, claimed_at) WHERE claimed_at IS NOT NULL;
-- What is listed and pruned.
CREATE INDEX jobs_finished ON jobs (state, finished_at) WHERE state IN ('done', 'dead');

GRANT SELECT, INSERT, UPDATE, DELETE ON jobs TO deskhand_app;

-- Work that the clock starts; one row a name, however many replicas look at it.
CREATE TABLE schedules (
    name          text PRIMARY KEY CHECK (name ~ '^[a-z][a-z_]{0,62}$'),
    next_run      timestamptz NOT NULL,
    last_run      timestamptz
);
GRANT SELECT, INSERT, UPDATE, DELETE ON schedules TO deskhand_app;
