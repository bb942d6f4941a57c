-- When the visitor was told how an effect has ended, whoever told it: the turn, the job that runs
-- what staff have approved, or the one that looks what became of it. Apart from `told_at`, since
-- "nobody knows yet" isn't an end.
ALTER TABLE proposals ADD COLUMN end_told_at timestamptz;
-- What was told before this counts as told.
ALTER TABLE proposals NO FORCE ROW LEVEL SECURITY;
UPDATE proposals SET end_told_at = told_at
WHERE told_at IS NOT NULL AND state IN ('done', 'failed', 'void', 'refused');
ALTER TABLE proposals FORCE ROW LEVEL SECURITY;
