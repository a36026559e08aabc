/**
 * What must hold, each as a question whose every row is a fault; the first column names the record. `sent` is a row an item that a client sent,
 * `valued` a row an operation that posted values, `heard` the ids of events that an independent reader got. Asked once nothing is under way.
 */
export const CHECKS: readonly { says: string; sql: string }[] = [
  {
    says: 'acknowledged and not stored',
    sql: `select s.id from sent s where s.outcome = 'ok' and not exists (select 1 from intake.inspection i where i.id = s.id)`,
  },
  {
    says: 'stored otherwise than acknowledged',
    sql: `select s.id from sent s join intake.inspection i on i.id = s.id where s.outcome = 'ok' and (
      (i.site, i.station_id, i.lot_id, i.chip_id, i.inspection_type, i.priority, i.station_metadata, i.attempt)
        is distinct from (s.site, s.station, s.lot_id, s.chip_id, s.inspection_type, s.priority::smallint, s.station_metadata, 1)
      or s.answer is not null and (
        (s.answer ->> 'site', s.answer ->> 'station_id', s.answer ->> 'lot_id', s.answer ->> 'chip_id', s.answer ->> 'inspection_type',
         (s.answer ->> 'priority')::smallint, s.answer -> 'station_metadata', (s.answer ->> 'attempt')::int, s.answer ->> 'created_by',
         (s.answer ->> 'created_at')::timestamptz)
        is distinct from (i.site, i.station_id, i.lot_id, i.chip_id, i.inspection_type, i.priority, i.station_metadata, i.attempt, i.created_by,
         i.created_at)))`,
  },
  {
    says: 'a request without an answer is stored by half',
    sql: `select min(s.chip_id) from sent s left join intake.inspection i on i.chip_id = s.chip_id
      where s.outcome = 'info' group by s.operation having count(i.id) not in (0, count(*))`,
  },
  {
    says: 'stored, though nothing listened or the request was refused',
    sql: `select i.id from sent s join intake.inspection i on i.chip_id = s.chip_id where s.outcome = 'fail'`,
  },
  {
    says: 'stored and never sent',
    sql: `select i.id from intake.inspection i where not exists (select 1 from sent s where s.chip_id = i.chip_id)`,
  },
  { says: 'stored twice', sql: `select chip_id from intake.inspection group by chip_id having count(*) > 1` },
  {
    says: 'a creation without exactly one event',
    sql: `select coalesce(i.id::text, e.id) from intake.inspection i
      full join (select event -> 'payload' ->> 'inspection_id' as id, count(*) as n, min(event -> 'payload' ->> 'chip_id') as chip_id
        from platform.outbox where event ->> 'event_type' = 'inspection.created' group by 1) e on e.id = i.id::text
      where i.id is null or e.id is null or e.n <> 1 or e.chip_id <> i.chip_id`,
  },
  {
    says: 'a creation without exactly one audit entry that says the same',
    sql: `select coalesce(i.id::text, a.object_id) from intake.inspection i
      full join (select object_id, count(*) as n, (array_agg(new))[1]::jsonb as new from platform.audit where action = 'inspection.created' group by 1) a
        on a.object_id = i.id::text
      where i.id is null or a.object_id is null or a.n <> 1
        or (a.new ->> 'chip_id', a.new ->> 'lot_id', a.new ->> 'inspection_type', (a.new ->> 'priority')::smallint, a.new -> 'station_metadata')
          is distinct from (i.chip_id, i.lot_id, i.inspection_type, i.priority, i.station_metadata)`,
  },
  {
    says: 'a key without exactly one record of its answer, or with one of another',
    sql: `select s.chip_id from sent s left join intake.inspection i on i.chip_id = s.chip_id
      left join (select key, count(*) as n, string_agg(body, '') as body from platform.idempotency group by key) k on k.key = s.key
      where s.key is not null and (i.id is not null) <> (coalesce(k.n, 0) = 1 and coalesce(position(i.id::text in k.body) > 0, true))`,
  },
  {
    says: 'an inspection in a lot that is not open',
    sql: `select distinct lot_id from intake.inspection i
      where not exists (select 1 from masterdata.lot l where l.site = i.site and l.lot_id = i.lot_id)`,
  },
  {
    says: 'values acknowledged and not stored as they are, or stored by half',
    sql: `select v.inspection from valued v left join (
        select inspection_id, jsonb_agg(jsonb_build_object('characteristic', characteristic, 'value', value, 'unit', unit, 'lsl', lsl, 'usl', usl)
          order by characteristic) as kept from intake.measurement group by 1) m on m.inspection_id = v.inspection
      where m.kept is distinct from v.posted and (v.outcome = 'ok' or m.kept is not null)`,
  },
  {
    says: 'values without exactly one event and one audit entry',
    sql: `select v.inspection from valued v
      left join (select inspection_id, 1 as n from intake.measurement group by 1) m on m.inspection_id = v.inspection
      left join (select event -> 'payload' ->> 'inspection_id' as id, count(*) as n from platform.outbox
        where event ->> 'event_type' = 'measurements.recorded' group by 1) e on e.id = v.inspection::text
      left join (select object_id, count(*) as n from platform.audit where action = 'measurements.recorded' group by 1) a
        on a.object_id = v.inspection::text
      where coalesce(m.n, 0) <> coalesce(e.n, 0) or coalesce(m.n, 0) <> coalesce(a.n, 0)`,
  },
  {
    says: 'not judged as its values ask',
    sql: `select v.inspection from valued v join (select distinct inspection_id from intake.measurement) m on m.inspection_id = v.inspection
      join intake.inspection i on i.id = v.inspection where i.status <> 'completed' or i.verdict is distinct from v.verdict`,
  },
  {
    says: 'judged without exactly one judgement, event and audit entry, or without values',
    sql: `select coalesce(i.id::text, j.id, e.id, a.id) from (select id from intake.inspection where status = 'completed') i
      full join (select inspection_id::text as id, count(*) as n from disposition.judgement group by 1) j on j.id = i.id::text
      full join (select event -> 'payload' ->> 'inspection_id' as id, count(*) as n from platform.outbox
        where event ->> 'event_type' = 'inspection.judged' group by 1) e on e.id = i.id::text
      full join (select object_id as id, count(*) as n from platform.audit where action = 'inspection.judged' group by 1) a on a.id = i.id::text
      full join (select distinct inspection_id::text as id from intake.measurement) m on m.id = i.id::text
      where i.id is null or m.id is null or j.n is distinct from 1 or e.n is distinct from 1 or a.n is distinct from 1`,
  },
  {
    says: 'a lot whose count of verdicts is not that of its inspections',
    sql: `select coalesce(i.lot_id, t.lot_id) from (select site, lot_id, count(*) as judged, count(*) filter (where verdict = 'fail') as failed
        from intake.inspection where status = 'completed' group by 1, 2) i
      full join disposition.lot_tally t on t.site = i.site and t.lot_id = i.lot_id
      where (i.judged, i.failed) is distinct from (t.judged, t.failed)`,
  },
  {
    says: 'an event that its group applied and did not note, or the other way round',
    sql: `select coalesce(o.event_id, n.event_id) from (select event_id from platform.outbox where event ->> 'event_type' = 'measurements.recorded') o
      full join (select event_id from platform.inbox where consumer_group = 'disposition') n on n.event_id = o.event_id
      where o.event_id is null or n.event_id is null`,
  },
  { says: 'an event twice in the outbox', sql: 'select event_id from platform.outbox group by event_id having count(*) > 1' },
  {
    says: 'an event that no longer says what its row says',
    sql: `select event_id from platform.outbox where event ->> 'event_id' <> event_id::text`,
  },
  {
    says: 'events of a record out of the order of its versions',
    sql: `select id from (select event -> 'aggregate' ->> 'id' as id, (event -> 'aggregate' ->> 'version')::int as version,
        lag((event -> 'aggregate' ->> 'version')::int) over (partition by event -> 'aggregate' ->> 'type', event -> 'aggregate' ->> 'id'
          order by xid, seq) as before from platform.outbox) o where version < before`,
  },
  {
    says: 'an event that was not published, or that was published and is not in the outbox',
    sql: `select coalesce(o.event_id, h.event_id) from platform.outbox o full join (select distinct event_id from heard) h on h.event_id = o.event_id
      where o.event_id is null or h.event_id is null`,
  },
  {
    says: 'an event that a group gave up',
    sql: `select event_id || ' after ' || attempts || ' tries: ' || left(cause, 200) from platform.bus_parked`,
  },
];

/** What the run is told to have stored, for the report. */
export const COUNTS = `select (select count(*)::int from intake.inspection) as stored, (select count(*)::int from platform.outbox) as events,
  (select count(*)::int from platform.audit) as audit, (select count(*)::int from intake.inspection where status = 'completed') as judged`;
