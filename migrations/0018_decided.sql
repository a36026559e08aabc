-- published: deciding runs that ended, whether they answered or gave up. While the inspection is in progress since before `finished_at`, their word is on its way.
CREATE VIEW inference.decided AS
  SELECT inspection_id, operation_id, finished_at FROM inference.job WHERE decides AND state IN ('succeeded', 'failed');
