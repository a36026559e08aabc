-- What two versions call otherwise stands in the review queue.

-- A person may also say that it cannot be told: then nobody is asked again, and it counts for neither version.
ALTER TABLE inference.comparison DROP CONSTRAINT comparison_verdict_check,
  ADD CONSTRAINT comparison_verdict_check CHECK (verdict IN ('production', 'candidate', 'neither', 'cannot_tell'));

-- published: boards that two versions called otherwise; `calls_differ` counts all, `differences` keeps the first 50; `beside` while the candidate is tried
CREATE VIEW inference.model_disagreement AS
  SELECT c.id, c.model, c.role, c.production_version, c.candidate_version, c.inspection_id, c.differences,
         (SELECT coalesce(sum((cell ->> 'calls')::int), 0)::int FROM jsonb_array_elements(c.cells) AS cell
           WHERE cell ->> 'production' IS DISTINCT FROM cell ->> 'candidate') AS calls_differ,
         c.verdict, c.note, c.settled_by, c.settled_at,
         EXISTS (SELECT FROM inference.model_version v
                  WHERE v.model = c.model AND v.version = c.candidate_version AND v.stage IN ('shadow', 'canary')) AS beside
    FROM inference.comparison c WHERE c.agrees = false;

-- An inspection may be looked at for several disagreements, one after the other.
ALTER TABLE disposition.look
  ADD COLUMN disagreement_id uuid,
  ADD COLUMN model text,
  ADD COLUMN candidate_version integer,
  DROP CONSTRAINT look_pkey,
  ADD CONSTRAINT look_disagrees CHECK ((kind = 'disagreement') = (disagreement_id IS NOT NULL));
CREATE UNIQUE INDEX look_once ON disposition.look (inspection_id, kind, disagreement_id) NULLS NOT DISTINCT;
CREATE UNIQUE INDEX look_disagreement_open ON disposition.look (inspection_id) WHERE kind = 'disagreement' AND outcome IS NULL;
CREATE INDEX look_of_disagreement ON disposition.look (disagreement_id) WHERE disagreement_id IS NOT NULL;
