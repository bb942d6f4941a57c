-- What staff do: they claim handoffs, decide what waits for approval, and resolve.

ALTER TABLE tickets
    ADD COLUMN source      text NOT NULL DEFAULT 'chat' CHECK (source IN ('chat', 'system')),
    ADD COLUMN priority    text NOT NULL DEFAULT 'normal' CHECK (priority IN ('low', 'normal', 'high', 'urgent')),
    ADD COLUMN resolved_at timestamptz;

ALTER TABLE handoffs
    ADD COLUMN claimed_by  text CHECK (length(claimed_by) BETWEEN 1 AND 200),
    ADD COLUMN claimed_at  timestamptz,
    ADD COLUMN resolved_at timestamptz,
    ADD COLUMN proposal_id uuid,
    ADD FOREIGN KEY (site_id, proposal_id) REFERENCES proposals (site_id, id) ON DELETE CASCADE;
CREATE INDEX handoffs_proposal ON handoffs (site_id, proposal_id) WHERE proposal_id IS NOT NULL;
