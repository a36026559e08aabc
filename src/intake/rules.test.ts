import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { InspectionCreate } from '../contracts/inspections.ts';
import { wholePattern } from '../contracts/lot-id.ts';
import type { Caller } from '../contracts/permissions.ts';
import { type Accepted, judgeCreate, METADATA_LIMIT, type PlantFacts } from './rules.ts';

const pattern = wholePattern('^LOT-\\d{4}-\\d{3}$');
const plant: PlantFacts = {
  lotIdPattern: () => pattern,
  siteOf: (id) => (id.startsWith('HH') ? 'hamburg' : id.startsWith('PG') ? 'penang' : undefined),
};
const caller = (site: string, stationId: string | null): Caller => ({
  subject: 's',
  kind: stationId === null ? 'person' : 'client',
  name: 'n',
  roles: [],
  scopes: new Set(),
  site,
  stationId,
});
const station = caller('hamburg', 'HH-1');
const body = (more: Partial<InspectionCreate> = {}): InspectionCreate => ({
  lot_id: 'LOT-2025-001',
  chip_id: 'PCB-1',
  inspection_type: 'visual',
  ...more,
});
const accepted = (outcome: ReturnType<typeof judgeCreate>): Accepted => {
  assert.ok(!Array.isArray(outcome), JSON.stringify(outcome));
  return outcome;
};
const fields = (outcome: ReturnType<typeof judgeCreate>) => (Array.isArray(outcome) ? outcome.map(({ field }) => field) : []);

test('a lot id is upper-cased before its pattern is held to the whole of it', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 9999 }), fc.integer({ min: 0, max: 999 }), fc.string(), (year, number, tail) => {
      const id = `LOT-${String(year).padStart(4, '0')}-${String(number).padStart(3, '0')}`;
      assert.equal(accepted(judgeCreate(body({ lot_id: id.toLowerCase() }), station, plant)).lot_id, id);
      if (tail !== '') assert.deepEqual(fields(judgeCreate(body({ lot_id: id + tail }), station, plant)), ['body -> lot_id']);
    }),
  );
});

test('thermal is taken from priority 7 on, whatever else is told; the others at any priority', () => {
  fc.assert(
    fc.property(fc.option(fc.integer({ min: 1, max: 10 }), { nil: undefined }), (priority) => {
      const more = priority === undefined ? {} : { priority };
      const outcome = judgeCreate(body({ inspection_type: 'thermal', ...more }), station, plant);
      assert.equal(Array.isArray(outcome), (priority ?? 5) < 7);
      if (Array.isArray(outcome)) assert.equal(outcome[0]?.message, 'Thermal inspections require priority >= 7');
      assert.equal(accepted(judgeCreate(body({ inspection_type: 'electrical', ...more }), station, plant)).priority, priority ?? 5);
    }),
  );
});

test('metadata that passes can be stored: any JSON without U+0000 and lone surrogates, up to 64 KiB', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue({ stringUnit: 'binary' })), (metadata) => {
      delete metadata.station_id;
      const text = JSON.stringify(metadata);
      const storable = [...walk(metadata)].every((word) => !word.includes('\0') && word.isWellFormed());
      const fits = Buffer.byteLength(text) <= METADATA_LIMIT;
      assert.equal(!Array.isArray(judgeCreate(body({ station_metadata: metadata }), station, plant)), storable && fits, text);
    }),
  );
  for (const [note, ok] of [
    ['\\u0000', true],
    ['\\\\u0000', true],
    ['a\u0000', false],
    ['\\\u0000', false],
    ['\ud800', false],
    ['\u{1f600}', true],
  ] as const)
    assert.equal(!Array.isArray(judgeCreate(body({ station_metadata: { note } }), station, plant)), ok, JSON.stringify(note));
  assert.deepEqual(fields(judgeCreate(body({ station_metadata: { note: 'x'.repeat(METADATA_LIMIT) } }), station, plant)), [
    'body -> station_metadata',
  ]);
});

function* walk(value: unknown): Generator<string> {
  if (typeof value === 'string') yield value;
  else if (typeof value === 'object' && value !== null)
    for (const [name, item] of Object.entries(value)) {
      yield name;
      yield* walk(item);
    }
}

test('a station writes for itself only; a person for a station of their site; who sees all names one', () => {
  const place = (who: Caller, station_id?: string) =>
    judgeCreate(body(station_id === undefined ? {} : { station_metadata: { station_id } }), who, plant);
  const where = (outcome: ReturnType<typeof judgeCreate>) => [accepted(outcome).site, accepted(outcome).station_id];
  const field = ['body -> station_metadata -> station_id'];
  assert.deepEqual(where(place(station)), ['hamburg', 'HH-1']);
  assert.deepEqual(where(place(station, 'HH-1')), ['hamburg', 'HH-1']);
  assert.deepEqual(fields(place(station, 'HH-2')), field);
  const person = caller('hamburg', null);
  assert.deepEqual(where(place(person)), ['hamburg', null]);
  assert.deepEqual(where(place(person, 'HH-2')), ['hamburg', 'HH-2']);
  assert.deepEqual(where(place(person, 'AOI-LINE-1')), ['hamburg', null]);
  assert.deepEqual(fields(place(person, 'PG-1')), field);
  const everywhere = caller('*', null);
  assert.deepEqual(where(place(everywhere, 'PG-1')), ['penang', 'PG-1']);
  assert.deepEqual(fields(place(everywhere)), field);
  assert.deepEqual(fields(place(everywhere, 'nowhere')), field);
});

test('a long value is told by its beginning, never with half a character at the end', () => {
  const told = judgeCreate(body({ station_metadata: { station_id: `a${'😀'.repeat(60)}` } }), station, plant);
  assert.ok(Array.isArray(told) && String(told[0]?.invalid_value).isWellFormed(), JSON.stringify(told));
});

test('every broken rule is told at once', () => {
  const outcome = judgeCreate(body({ lot_id: 'X', inspection_type: 'thermal', station_metadata: { station_id: 'HH-9' } }), station, plant);
  assert.deepEqual(fields(outcome), ['body -> lot_id', 'body -> station_metadata -> station_id', 'body']);
});
