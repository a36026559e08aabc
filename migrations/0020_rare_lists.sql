-- Lists of what is rare, which walked all there is to find it. What creates, runs and verdicts write is in neither index and costs no entry.
CREATE INDEX inspection_dropped ON intake.inspection (status, id) WHERE status IN ('cancelled', 'failed');
CREATE INDEX audit_rare_action ON platform.audit (action, id) WHERE action NOT IN (
  'inspection.created', 'inspection.started', 'inspection.judged', 'measurements.recorded', 'artifact.stored', 'inference.requested', 'inference.completed');
