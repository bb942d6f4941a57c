-- Takes up to $2 due jobs of the kinds $1 for worker $3, with a lease of $4 seconds.
--
-- A lane is what waits of one kind, site and priority. Stepping from each lane's first job
-- to the next lane's costs an index probe a lane, however many jobs wait behind it.
WITH RECURSIVE heads AS (
    SELECT k.kind, h.lane, h.priority, h.run_at
      FROM unnest($1::text[]) AS k (kind)
      CROSS JOIN LATERAL (
          SELECT lane, priority, run_at FROM jobs
           WHERE state = 'waiting' AND kind = k.kind
           ORDER BY lane, priority, run_at LIMIT 1) AS h
    UNION ALL
    SELECT p.kind, h.lane, h.priority, h.run_at
      FROM heads AS p
      CROSS JOIN LATERAL (
          SELECT lane, priority, run_at FROM jobs
           WHERE state = 'waiting' AND kind = p.kind AND (lane, priority) > (p.lane, p.priority)
           ORDER BY lane, priority, run_at LIMIT 1) AS h
), busy AS (
    SELECT lane, count(*) AS running FROM jobs WHERE state = 'running' GROUP BY lane
),
-- The n-th job of each lane, in the order in which they are to be taken:
--  1. a lane that has waited for a minute without being served gets one, whatever its
--     priority, so that no flood of urgent work starves it;
--  2. by priority;
--  3. the site that has least running, what this claim takes included;
--  4. the lane that was served longest ago: with one worker, sites take turns;
--  5. the one that waits longest.
turns AS MATERIALIZED (
    SELECT h.kind, h.lane, h.priority, n,
           row_number() OVER (PARTITION BY h.lane ORDER BY h.priority, n, h.run_at)
               + coalesce(b.running, 0) AS share
      FROM heads AS h
      LEFT JOIN busy AS b ON b.lane = h.lane
      LEFT JOIN LATERAL (
          SELECT claimed_at FROM jobs
           WHERE lane = h.lane AND priority = h.priority AND claimed_at IS NOT NULL
           ORDER BY claimed_at DESC LIMIT 1) AS served ON true
      CROSS JOIN generate_series(1, $2::int) AS n
     WHERE h.run_at <= now()
     ORDER BY n = 1 AND greatest(h.run_at, served.claimed_at) < now() - interval '1 minute' DESC,
              h.priority, share, served.claimed_at NULLS FIRST, h.run_at, h.lane, h.kind, n
),
-- Turns are drawn until enough jobs are found, and no more rows are locked than that. The
-- OFFSET steps over those that this statement has locked itself; those that another worker
-- has locked or taken meanwhile are skipped.
picked AS MATERIALIZED (
    SELECT j.id
      FROM turns AS t
      CROSS JOIN LATERAL (
          SELECT id FROM jobs
           WHERE state = 'waiting' AND kind = t.kind AND lane = t.lane AND priority = t.priority
             AND run_at <= now()
           ORDER BY run_at, id OFFSET t.n - 1 LIMIT 1
           FOR UPDATE SKIP LOCKED) AS j
     LIMIT $2
)
UPDATE jobs
   SET state = 'running', owner = $3, epoch = epoch + 1, attempts = attempts + 1,
       claimed_at = now(), lease_until = now() + make_interval(secs => $4), progress = NULL
 -- An array rather than a join: the planner can't know that they are few.
 WHERE id = ANY (ARRAY (SELECT id FROM picked))
RETURNING id, site_id, kind, args, epoch, attempts, max_attempts
