import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { hrefOf, placeOf } from './addresses.ts';

const read = (href: string) => {
  const { pathname, search } = new URL(href, 'http://dashboard.test');
  return placeOf(pathname, search);
};

test('whatever a barcode holds, its address leads back to it', () => {
  fc.assert(
    fc.property(
      fc.string({ minLength: 1, unit: 'grapheme' }).filter((text) => text !== '.' && text !== '..'),
      (chipId) => {
        assert.deepEqual(read(hrefOf({ to: '/units/$chipId', params: { chipId } })), {
          to: '/units/$chipId',
          params: { chipId },
          search: {},
        });
      },
    ),
  );
});

test('filters stand in the address and nothing else does', () => {
  assert.equal(
    hrefOf({ to: '/inspections', search: { verdict: 'fail', lot_id: 'LOT-2025-001' } }),
    '/inspections?verdict=fail&lot_id=LOT-2025-001',
  );
  assert.deepEqual(placeOf('/inspections', '?verdict=fail&evil=1&lot_id=').search, { verdict: 'fail' });
  assert.deepEqual(placeOf('/inspections', '?verdict=bogus&status=lost&from=yesterday&to=2026-13-99').search, {});
  assert.deepEqual(placeOf('/inspections', '?from=2026-11-27T00:00:00Z').search, { from: '2026-11-27T00:00:00Z' });
  assert.deepEqual(placeOf('/lots', '?state=lost').search, {});
  assert.deepEqual(placeOf('/lots', '?state=held&at=DE1%2FLOT-1').search, { state: 'held', at: 'DE1/LOT-1' });
  assert.deepEqual(placeOf('/models/pcb', '?tab=quality&by=station&days=7').search, { tab: 'quality', by: 'station', days: '7' });
  assert.deepEqual(placeOf('/models/pcb', '?tab=toString&by=class&days=8').search, {});
  assert.deepEqual(placeOf('/review', '?kind=audit&mode=side&at=1').search, { kind: 'audit', at: '1' });
});

test('an address of no page is none, a slash at the end makes no difference', () => {
  assert.equal(placeOf('/nothing', '').to, null);
  assert.equal(placeOf('/units/', '').to, null);
  assert.equal(placeOf('/units/%E0%A4%A', '').to, null);
  assert.equal(placeOf('/lots/', '').to, '/lots');
  assert.equal(placeOf('/', '').to, '/');
});
