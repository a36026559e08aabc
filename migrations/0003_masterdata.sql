-- Master data: what a line needs to know before the first unit arrives, so that stations need not bring templates and limits.
CREATE SCHEMA masterdata;

CREATE TABLE masterdata.site (
  code           text PRIMARY KEY,
  name           text NOT NULL,
  time_zone      text NOT NULL,
  lot_id_pattern text
);

CREATE TABLE masterdata.station (
  station_id       text PRIMARY KEY,
  site             text NOT NULL REFERENCES masterdata.site,
  name             text NOT NULL,
  inspection_types text[] NOT NULL,
  line             text
);

CREATE TABLE masterdata.product_revision (
  product               text NOT NULL,
  revision              text NOT NULL,
  description           text,
  limits                jsonb NOT NULL DEFAULT '[]',
  policy_name           text NOT NULL,
  policy_version        integer NOT NULL,
  template_sha256       text,
  template_content_type text,
  template_width        integer,
  template_height       integer,
  template_size         bigint,
  version               integer NOT NULL DEFAULT 1,
  created_by            text NOT NULL,
  created_at            timestamptz NOT NULL DEFAULT now(),
  updated_at            timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (product, revision),
  CHECK ((template_sha256 IS NULL) = (template_size IS NULL))
);

-- A lot is (site, lot_id). Its first inspection opens it, without a product.
CREATE TABLE masterdata.lot (
  site      text NOT NULL,
  lot_id    text NOT NULL,
  product   text,
  revision  text,
  opened_at timestamptz NOT NULL DEFAULT now(),
  version   integer NOT NULL DEFAULT 1,
  PRIMARY KEY (site, lot_id),
  FOREIGN KEY (product, revision) REFERENCES masterdata.product_revision,
  CHECK ((product IS NULL) = (revision IS NULL))
);
CREATE INDEX lot_newest ON masterdata.lot (opened_at DESC, site, lot_id);
CREATE INDEX lot_of_revision ON masterdata.lot (product, revision) WHERE product IS NOT NULL;

-- published: opens a lot in the commit of its first inspection; a lot that is open stays as it is
CREATE FUNCTION masterdata.open_lot(a_site text, a_lot_id text) RETURNS void LANGUAGE sql AS $$
  INSERT INTO masterdata.lot (site, lot_id) VALUES (a_site, a_lot_id) ON CONFLICT DO NOTHING
$$;

-- published: the same for many at once: [{"site": "...", "lot_id": "..."}]; in one order, so that two batches cannot wait for each other
CREATE FUNCTION masterdata.open_lots(lots jsonb) RETURNS void LANGUAGE sql AS $$
  INSERT INTO masterdata.lot (site, lot_id)
  SELECT DISTINCT site, lot_id FROM jsonb_to_recordset(lots) AS x(site text, lot_id text) ORDER BY site, lot_id
  ON CONFLICT DO NOTHING
$$;

-- published: the bytes that templates stand on, so that no sweep takes them
CREATE VIEW masterdata.template_bytes AS SELECT DISTINCT template_sha256 AS sha256 FROM masterdata.product_revision WHERE template_sha256 IS NOT NULL;

-- published: the sites and their lot patterns
CREATE VIEW masterdata.site_rule AS SELECT code, time_zone, lot_id_pattern FROM masterdata.site;

-- published: stations known to the plant
CREATE VIEW masterdata.known_station AS SELECT station_id, site, inspection_types FROM masterdata.station;

-- published: the revision a lot is judged by: template, limits, policy; all null while the lot has no product
CREATE VIEW masterdata.lot_revision AS
  SELECT l.site, l.lot_id, l.product, l.revision, l.version AS lot_version, l.opened_at,
         r.limits, r.policy_name, r.policy_version,
         r.template_sha256, r.template_content_type, r.template_width, r.template_height
  FROM masterdata.lot l LEFT JOIN masterdata.product_revision r USING (product, revision);
