-- When the visitor was told how an effect has ended, whoever told it: the turn, the job that runs
-- what staff have approved, or the one that looks what became of it. Apart from `told_at`, since
-- "nobody knows yet" isn't an end.
ALTER TABLE proposals ADD COLUMN end_told_at timestamptz;
