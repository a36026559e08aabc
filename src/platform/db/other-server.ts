import type pg from 'pg';

/** A row, or the place of a reader, with a transaction number that this server has not given out yet. One snapshot: nothing that is written meanwhile is in it. */
const AHEAD = `select exists (select from (
    (select xid from platform.outbox order by xid desc limit 1) union all
    (select xid from platform.bus_position order by xid desc limit 1) union all
    select xid from platform.outbox_trim) n where n.xid >= pg_snapshot_xmax(pg_current_snapshot())) as ahead`;

/** The lowest number that a transaction can have: below all that is written from now on. */
const LOWEST = `'3'::xid8`;

/*
 * All rows get one number and go in the order of `seq` from then on, which is that of each record's versions as well. A group stands before the first row
 * that it has not read, or that was written here while it stood ahead; what comes to it again because of that, its inbox knows. The relay has one place
 * for all lanes.
 */
const RENUMBER = `
  lock table platform.outbox, platform.bus_position, platform.outbox_trim in access exclusive mode;
  update platform.bus_position p set xid = ${LOWEST}, owner = null, generation = p.generation + 1, seq = coalesce(
    (select min(o.seq) - 1 from platform.outbox o
      where ((o.xid, o.seq) > (p.xid, p.seq) or o.xid < pg_snapshot_xmax(pg_current_snapshot()) and p.xid >= pg_snapshot_xmax(pg_current_snapshot()))
        and (p.consumer_group = 'relay' or (o.topic, o.partition) = (p.topic, p.partition))),
    (select max(o.seq) from platform.outbox o), 0);
  update platform.outbox_trim set xid = ${LOWEST}, seq = coalesce((select min(o.seq) - 1 from platform.outbox o), seq);
  update platform.outbox set xid = ${LOWEST};`;

/** Whether the database was carried here from a server with higher transaction numbers (pg_dump and pg_restore): readers would pass by all that is new. */
export async function isOfOtherServer(client: pg.ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ there: boolean }>("select to_regclass('platform.outbox_trim') is not null as there");
  return rows[0]?.there === true && (await client.query<{ ahead: boolean }>(AHEAD)).rows[0]?.ahead === true;
}

/** Puts the events of another server below all that this one will write. @returns whether there was anything to do */
export async function adoptEvents(client: pg.ClientBase): Promise<boolean> {
  if (!(await isOfOtherServer(client))) return false;
  await client.query(`begin; ${RENUMBER} commit;`).catch(async (error: unknown) => {
    await client.query('rollback').catch(() => {});
    throw error;
  });
  return true;
}
