import assert from 'node:assert/strict';
import { availableParallelism, loadavg } from 'node:os';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AnyEvent, KNOWN_VERSIONS } from '../../src/contracts/events.ts';
import { drop, park } from '../../src/platform/bus/consumer.ts';
import type { EventDraft } from '../../src/platform/db/door.ts';
import { partitionOf } from '../../src/platform/db/envelope.ts';
import { uuidv7 } from '../../src/platform/id.ts';
import { type BusHarness, cause, effects, held, openFloor, publish, recorder, takeNumber, until } from './bus.floor.ts';

/** Run for every implementation of the bus: what each must do, whatever carries the events. */
export function busContract(name: string, harness: BusHarness): void {
  test(`${name}: two instances, every effect exactly once and in the order of its key`, async (t) => {
    const database = await openFloor(harness, t);
    const a = database.open();
    const b = database.open();
    for (const { bus, door } of [a, b]) {
      bus.subscribe(recorder(door, 'g1'));
      bus.subscribe(recorder(door, 'g2'));
    }
    // Half of the events are there before the groups are: a new group begins at the start.
    const lots = Array.from({ length: 20 }, (_, i) => `L${i}`);
    for (let version = 1; version <= 5; version += 1) await publish(a.door, ...lots.map((lot) => held(lot, version)));
    await Promise.all([a.bus.start(), b.bus.start()]);
    for (let version = 6; version <= 10; version += 1)
      await Promise.all(lots.map((lot) => publish((version % 2 ? a : b).door, held(lot, version))));
    for (const group of ['g1', 'g2']) {
      await until(`all effects of ${group}`, async () => (await effects(database, group)).length >= 200);
      const all = await effects(database, group);
      assert.equal(new Set(all).size, 200, 'each once');
      assert.equal(all.length, 200);
      for (const lot of lots) {
        const versions = all.filter((text) => text.startsWith(`${lot}.`)).map((text) => Number(text.split('.')[1]));
        assert.deepEqual(versions, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], `order of ${lot}`);
      }
    }
    await until('no lag', async () => (await a.bus.lag()).every((lag) => lag.events === 0));
  });

  test(`${name}: nothing is lost when transactions commit out of the order of their numbers`, async (t) => {
    const database = await openFloor(harness, t);
    const { bus, door } = database.open();
    bus.subscribe(recorder(door, 'g'));
    await bus.start();
    const expected = new Set<string>();
    const random = (n: number) => Math.floor(Math.random() * n);
    await Promise.all(
      Array.from({ length: 12 }, async (_, writer) => {
        for (let n = 1; n <= 15; n += 1) {
          const lot = `W${writer}-${n}`;
          const rollback = random(10) === 0;
          await door
            .change(cause, async (tx) => {
              // Takes its number now and commits later than others that began after it.
              await tx.selectNoFrom((eb) => eb.fn('pg_current_xact_id').as('x')).execute();
              await sleep(random(20));
              if (rollback) throw new Error('rolled back');
              return { result: undefined, events: [held(lot, 1)], audit: [] };
            })
            .then(
              () => expected.add(`${lot}.1`),
              () => {},
            );
        }
      }),
    );
    await until('all effects', async () => (await effects(database, 'g')).length >= expected.size);
    assert.deepEqual(new Set(await effects(database, 'g')), expected);
  });

  test(`${name}: what commits after a long open transaction waits for it, and nothing is skipped`, async (t) => {
    const database = await openFloor(harness, t);
    const { bus, door } = database.open();
    bus.subscribe(recorder(door, 'g'));
    await bus.start();
    let commit = () => {};
    const open = new Promise<void>((resolve) => {
      commit = resolve;
    });
    const long = door.change(cause, async (tx) => {
      await tx.selectNoFrom((eb) => eb.fn('pg_current_xact_id').as('x')).execute();
      await open;
      return { result: undefined, events: [held('LONG', 1)], audit: [] };
    });
    await sleep(50);
    for (let version = 1; version <= 5; version += 1) await publish(door, held('QUICK', version));
    await sleep(300);
    commit();
    await long;
    await until('all six', async () => (await effects(database, 'g')).length === 6);
  });

  test(`${name}: a throw is tried five times, then parked with its cause; the events behind it go on; redrive works once`, async (t) => {
    const database = await openFloor(harness, t);
    const { bus, door } = database.open();
    const tries: number[] = [];
    let broken = true;
    const inner = recorder(door, 'g');
    bus.subscribe({
      ...inner,
      async handle(event, delivery) {
        if (event.aggregate.version === 2) {
          tries.push(delivery.attempt);
          if (broken) throw new Error('cannot do this \0 \ud83d');
        }
        return await inner.handle(event, delivery);
      },
    });
    await bus.start();
    for (let version = 1; version <= 3; version += 1) await publish(door, held('L', version));
    await until('the event behind it', async () => (await effects(database, 'g')).includes('L.3'));
    assert.deepEqual(tries, [1, 2, 3, 4, 5]);
    const [parked] = await bus.parked('g');
    assert.equal(parked?.state, 'parked');
    assert.match(parked?.cause ?? '', /cannot do this \ufffd \ufffd/, 'in words that a database keeps');
    assert.equal((await bus.lag()).find((lag) => lag.group === 'g')?.parked, 1);
    broken = false;
    const id = parked?.event_id ?? '';
    await Promise.all([bus.redrive(cause, 'g', id), bus.redrive(cause, 'g', id)]);
    await until('the redriven effect', async () => (await effects(database, 'g')).includes('L.2'));
    await until('its state', async () => (await bus.parked('g'))[0]?.state === 'done');
    await bus.redrive(cause, 'g', id);
    await sleep(200);
    assert.deepEqual(await effects(database, 'g'), ['L.1', 'L.3', 'L.2']);
    const { rows } = await database.db.pool.query("select action from platform.audit_entry where object_type = 'event' order by id");
    assert.deepEqual(
      rows.map((row) => row.action),
      ['event.parked', 'event.redriven'],
    );
    await assert.rejects(bus.redrive(cause, 'g', '00000000-0000-7000-8000-000000000000'), { code: 'not_found' });
  });

  test(`${name}: park and drop are outcomes of their own, other types are passed over`, async (t) => {
    const database = await openFloor(harness, t);
    const { bus, door } = database.open();
    const seen: string[] = [];
    bus.subscribe({
      group: 'g',
      topics: ['quality.signals'],
      types: ['lot.held'],
      async handle(event) {
        seen.push(`${event.event_type}.${event.aggregate.version}`);
        return event.aggregate.version === 1 ? park('no such lot') : drop('not ours');
      },
    });
    await bus.start();
    const other: EventDraft<'lot.assigned'> = {
      ...held('L', 2),
      type: 'lot.assigned',
      payload: { lot_id: 'L', product: 'p', revision: 'r' },
    };
    await publish(door, held('L', 1), other, held('L', 3));
    await until('both', () => seen.length === 2);
    await until('parked', async () => (await bus.parked('g'))[0]?.cause === 'no such lot');
    assert.deepEqual(seen, ['lot.held.1', 'lot.held.3']);
    assert.equal((await bus.parked('g'))[0]?.attempts, 1);
  });

  test(`${name}: the partitions of an instance that dies are taken over, no effect is lost or doubled`, async (t) => {
    const database = await openFloor(harness, t);
    const b = database.open();
    b.bus.subscribe(recorder(b.door, 'g'));
    // Alone at first, so every partition is the property of the one that dies.
    const a = await database.spawn();
    const lots = Array.from({ length: 16 }, (_, i) => `L${i}`);
    await publish(database.door, ...lots.map((lot) => held(lot, 1)));
    await until('the first round', async () => (await effects(database, 'g')).length === 16);
    await b.bus.start();
    await publish(database.door, ...lots.map((lot) => held(lot, 2)));
    await a.kill();
    await publish(database.door, ...lots.map((lot) => held(lot, 3)));
    await until('all rounds', async () => (await effects(database, 'g')).length >= 48, harness.takenOverMs + 20_000);
    assert.equal(new Set(await effects(database, 'g')).size, 48);
  });

  test(`${name}: stop gives the partitions back and the next start goes on where it stood`, async (t) => {
    const database = await openFloor(harness, t);
    // Leases that do not run out while it is waited for them.
    const a = database.open(60_000);
    a.bus.subscribe(recorder(a.door, 'g'));
    await a.bus.start();
    await publish(a.door, held('L', 1));
    await until('first', async () => (await effects(database, 'g')).length === 1);
    await a.bus.stop();
    await publish(database.door, held('L', 2));
    const b = database.open(60_000);
    const seen: AnyEvent[] = [];
    b.bus.subscribe(recorder(b.door, 'g', seen));
    await b.bus.start();
    await until('second', async () => (await effects(database, 'g')).length === 2);
    assert.deepEqual(
      seen.map((event) => event.aggregate.version),
      [2],
    );
  });

  test(`${name}: twenty at once stand in twenty places, each is handled once`, async (t) => {
    const floor = await openFloor(harness, t);
    const { bus, door } = floor.open();
    bus.subscribe(recorder(door, 'g'));
    await bus.start();
    await Promise.all(Array.from({ length: 20 }, (_, i) => publish(door, held('L', i + 1))));
    await until('all effects', async () => (await effects(floor, 'g')).length >= 20);
    assert.equal(new Set(await effects(floor, 'g')).size, 20);
    assert.equal(new Set(await harness.places(floor)).size, 20);
  });

  test(`${name}: what is no event is set aside with its bytes and its cause, and holds nothing up; redriven it comes back`, async (t) => {
    const floor = await openFloor(harness, t);
    const { bus, door } = floor.open();
    bus.subscribe(recorder(door, 'g'));
    await publish(door, held('L', 1));
    await bus.start();
    await until('the first', async () => (await effects(floor, 'g')).length === 1);
    const good = JSON.parse((await floor.db.pool.query('select event::text as text from platform.outbox')).rows[0].text) as AnyEvent;
    assert.equal(good.schema_version, Math.max(...KNOWN_VERSIONS['lot.held']), 'the door writes the newest version');
    const json = (value: unknown) => Buffer.from(JSON.stringify(value));
    const kinds: [Buffer, RegExp][] = [
      [Buffer.from('{"event_id":'), /not JSON/],
      [Buffer.from([0xff, 0xfe, 0x00, 0x41]), /not JSON/],
      [Buffer.alloc(0), /not JSON/],
      [Buffer.alloc(4), /not JSON/],
      [json([1, 2]), /not an object/],
      [json({ ...good, event_id: 'seven' }), /event_id is no UUID/],
      [json({ ...good, event_id: uuidv7(), aggregate: { type: 'lot' } }), /aggregate is wrong/],
      [json({ ...good, event_id: uuidv7(), schema_version: 2 }), /schema_version 2 of lot.held is not known/],
      [json({ ...good, event_id: uuidv7(), event_type: 'lot.melted' }), /event_type lot.melted is not known/],
      [json({ ...good, event_id: uuidv7(), payload: 'none' }), /payload is no object/],
      [json({ ...good, event_id: uuidv7(), site: '\0' }), /site is missing/],
      [json({ ...good, event_id: uuidv7(), event_type: '\ud800' }), /event_type is missing/],
      [json({ ...good, event_id: uuidv7(), aggregate: { ...good.aggregate, id: 'L\0' } }), /aggregate is wrong/],
      [json({ ...good, event_id: uuidv7(), event_type: `${'x'.repeat(269)}\u{1f9ea}` }), /event_type x+/],
    ];
    const put: [Buffer, RegExp][] = [];
    for (const kind of kinds) if ((await harness.inject(floor, kind[0])) === 'put') put.push(kind);
    await publish(door, held('L', 2));
    await until('the event behind them', async () => (await effects(floor, 'g')).includes('L.2'));
    const parked = await bus.parked('g');
    assert.equal(parked.length, put.length);
    const kept = async (id: string) => {
      const { rows } = await floor.db.pool.query('select event, raw from platform.bus_parked where event_id = $1', [id]);
      return (rows[0]?.raw ?? Buffer.from(rows[0]?.event ?? '')) as Buffer;
    };
    const idOf = new Map(
      await Promise.all(parked.map(async ({ event_id }) => [(await kept(event_id)).toString('hex'), event_id] as const)),
    );
    for (const [bytes, cause] of put) {
      const told = parked.find(({ event_id }) => event_id === idOf.get(bytes.toString('hex')))?.cause ?? '';
      assert.match(told, cause);
      await harness.setAside?.(floor, bytes, told);
    }
    const [bytes = Buffer.alloc(0)] = put[0] ?? [];
    const id = idOf.get(bytes.toString('hex')) ?? '';
    const story = async () => {
      const { rows } = await floor.db.pool.query('select action from platform.audit_entry where object_id = $1 order by id', [id]);
      return rows.map((row) => row.action);
    };
    // While nothing handles it: else the second may come after it was parked again, and rightly redrive that.
    await bus.stop();
    const next = floor.open();
    await Promise.all([bus.redrive(cause, 'g', id), next.bus.redrive(cause, 'g', id)]);
    assert.deepEqual(await story(), ['event.parked', 'event.redriven']);
    next.bus.subscribe(recorder(next.door, 'g'));
    await next.bus.start();
    await until('its second parking', async () => (await next.bus.parked('g')).find((one) => one.event_id === id)?.state === 'parked');
    assert.deepEqual(await story(), ['event.parked', 'event.redriven', 'event.parked']);
    assert.deepEqual(await kept(id), bytes);
  });

  test(`${name}: versions are applied in order though their transaction ids are not, even past the horizon`, async (t) => {
    const floor = await openFloor(harness, t);
    const { bus, door } = floor.open();
    bus.subscribe(recorder(door, 'g'));
    await bus.start();
    // Whoever changes a record found it: its creation is older than every number that is taken for a change.
    await publish(door, held('L', 1));
    const early = await takeNumber(floor);
    await publish(door, held('OTHER', 1));
    // Between the two that matter: while it is open, nothing of a higher number is below the horizon.
    const between = await takeNumber(floor);
    await publish(door, held('L', 2));
    await early.commit(held('L', 3));
    await until('the third', async () => (await effects(floor, 'g')).includes('L.3'));
    assert.deepEqual(
      (await effects(floor, 'g')).filter((effect) => effect !== 'OTHER.1'),
      ['L.1', 'L.2', 'L.3'],
    );
    await between.commit(held('BETWEEN', 1));
    await publish(door, held('L', 4));
    await until('all', async () => (await effects(floor, 'g')).length >= 6);
    assert.deepEqual(
      (await effects(floor, 'g')).filter((effect) => effect.startsWith('L.')),
      ['L.1', 'L.2', 'L.3', 'L.4'],
    );
    assert.deepEqual(await bus.parked('g'), []);
  });

  test(`${name}: a partition that is held up holds up no other, and goes on in order though more came than is kept in memory`, async (t) => {
    const floor = await openFloor(harness, t);
    const { bus, door } = floor.open();
    const inner = recorder(door, 'g');
    let release = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    bus.subscribe({
      ...inner,
      async handle(event, delivery) {
        if (event.aggregate.id === 'SLOW' && event.aggregate.version === 1) await gate;
        return await inner.handle(event, delivery);
      },
    });
    await bus.start();
    await publish(door, held('SLOW', 1));
    for (let version = 2; version <= 700; version += 100)
      await publish(door, ...Array.from({ length: Math.min(100, 701 - version) }, (_, i) => held('SLOW', version + i)));
    const others = Array.from({ length: 40 }, (_, i) => `Q${i}`).filter((lot) => partitionOf(`S1/${lot}`) !== partitionOf('S1/SLOW'));
    await publish(door, ...others.map((lot) => held(lot, 1)));
    await until('the others', async () => (await effects(floor, 'g')).filter((one) => one.startsWith('Q')).length === others.length, 9_000);
    assert.ok(!(await effects(floor, 'g')).includes('SLOW.1'), 'held up all the while');
    release();
    await until('all of the slow one', async () => (await effects(floor, 'g')).length === 700 + others.length, 60_000);
    const slow = (await effects(floor, 'g')).filter((one) => one.startsWith('SLOW'));
    assert.deepEqual(
      slow,
      Array.from({ length: 700 }, (_, i) => `SLOW.${i + 1}`),
    );
  });

  test(`${name}: two of three instances die in turn while the third goes on: nothing lost, nothing twice, in time`, async (t) => {
    const floor = await openFloor(harness, t);
    const [a, b] = [await floor.spawn(), await floor.spawn()];
    await floor.spawn();
    const lots = Array.from({ length: 24 }, (_, i) => `L${i}`);
    let version = 0;
    let isOver = false;
    const load = (async () => {
      while (!isOver) {
        version += 1;
        await publish(floor.door, ...lots.map((lot) => held(lot, version)));
        await sleep(100);
      }
    })();
    const caughtUp = async (what: string) => {
      const asked = version;
      const began = Date.now();
      await until(
        what,
        async () => new Set((await effects(floor, 'g')).filter((one) => one.endsWith(`.${asked}`))).size === lots.length,
        40_000,
      );
      return Date.now() - began;
    };
    await caughtUp('the beginning');
    // A machine with more than four times as much to do as it has cores gives everybody that much less.
    const limit = harness.takenOverMs * Math.max(1, (loadavg()[0] ?? 0) / (4 * availableParallelism()));
    for (const victim of [a, b]) {
      await victim.kill();
      await sleep(150);
      const took = await caughtUp('what was written after the kill');
      t.diagnostic(`all partitions served again after ${took} ms`);
      assert.ok(took < limit, `${took} ms`);
    }
    isOver = true;
    await load;
    await until('everything', async () => (await effects(floor, 'g')).length >= version * lots.length, 60_000);
    const all = await effects(floor, 'g');
    assert.equal(new Set(all).size, all.length, 'no effect twice');
    assert.equal(all.length, version * lots.length);
    for (const lot of lots) {
      const versions = all.filter((one) => one.startsWith(`${lot}.`)).map((one) => Number(one.split('.')[1]));
      assert.deepEqual(
        versions,
        versions.toSorted((one, other) => one - other),
        `order of ${lot}`,
      );
    }
  });
}
