-- The account of WordPress that a turn's visitor is logged in to, as the token of their message said:
-- whoever carries the turn on after a crash knows whose orders it may show. It counts for this turn
-- only; the next message's token says anew who is logged in.
ALTER TABLE turns ADD COLUMN account jsonb;

-- What the visitor is asked holds what they wrote (a whole address, say), like the arguments: sealed
-- with the proposal's id. `summary` is what rows from before this have; their proposals are over within
-- days, and they go with their conversations. It stays NOT NULL for programs of before.
ALTER TABLE proposals ADD COLUMN summary_sealed bytea;
ALTER TABLE proposals ALTER COLUMN summary SET DEFAULT '';

-- Sites with a proposal that staff haven't decided about in time: its visitor is told, and its order is
-- free for another one.
CREATE POLICY system ON proposals FOR SELECT TO deskhand_system USING (true);
GRANT SELECT (site_id, state, at) ON proposals TO deskhand_system;
CREATE FUNCTION deskhand_undecided_sites(p_before timestamptz) RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
    SELECT DISTINCT site_id FROM public.proposals WHERE state = 'waiting' AND at <= p_before
$$;
ALTER FUNCTION deskhand_undecided_sites OWNER TO deskhand_system;
REVOKE ALL ON FUNCTION deskhand_undecided_sites FROM PUBLIC;
GRANT EXECUTE ON FUNCTION deskhand_undecided_sites TO deskhand_app;
