-- A version keeps its lots in whatever stage it is, and the watch over a canary reads no more than it counts.

-- The version that is to judge a lot: the one that judged it before, in whatever stage it is now, unless that was withdrawn (then production); a lot that no
-- version has judged goes to the canary when its share lies below the canary's percent. `held`: the versions whose bytes are here. No row's version is null
-- when none can.
CREATE OR REPLACE FUNCTION inference.route_lot(of_model text, of_site text, of_lot text, held integer[])
RETURNS TABLE (routed integer, known boolean) LANGUAGE sql STABLE AS $$
  SELECT coalesce(
      (SELECT v.version FROM inference.model_version v
        WHERE v.model = of_model AND v.version = l.version AND v.version = ANY (held) AND NOT v.withdrawn),
      CASE WHEN l.version IS NULL THEN (
        SELECT v.version FROM inference.model_version v
         WHERE v.model = of_model AND v.stage = 'canary' AND v.version = ANY (held) AND inference.lot_share(of_site, of_lot) < v.canary_percent) END,
      (SELECT v.version FROM inference.model_version v WHERE v.model = of_model AND v.stage = 'production')),
    l.version IS NOT NULL
  FROM (SELECT 1) AS one LEFT JOIN inference.lot_model l ON l.model = of_model AND l.site = of_site AND l.lot_id = of_lot
$$;

-- The newest boards of one version, however many another judged since.
CREATE INDEX run_judged_by ON inference.run (model, version, finished_at) WHERE decides;
