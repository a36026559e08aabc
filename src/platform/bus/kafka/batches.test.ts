import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { cut, sizeOf } from './batches.ts';
import type { OutMessage } from './message.ts';

const limits = { messages: 7, partitionBytes: 2_000, bytes: 5_000 };
const message = fc
  .record({ partition: fc.nat(3), bytes: fc.nat(2_400) })
  .map(({ partition, bytes }): OutMessage => ({ topic: 't', partition, key: 'k', value: 'x'.repeat(bytes), headers: { event_id: 'e' } }));

test('batches keep the order and the limits; what fits in none stands apart, and nothing else does', () => {
  fc.assert(
    fc.property(fc.array(message, { maxLength: 40 }), (messages) => {
      const { batches, tooLarge } = cut(messages, limits);
      assert.deepEqual(
        batches.flat(),
        messages.filter((one) => sizeOf(one) <= limits.partitionBytes),
      );
      assert.deepEqual(
        tooLarge,
        messages.filter((one) => sizeOf(one) > limits.partitionBytes),
      );
      for (const batch of batches) {
        assert.ok(batch.length > 0 && batch.length <= limits.messages);
        assert.ok(batch.reduce((sum, one) => sum + sizeOf(one), 0) <= limits.bytes);
        for (const partition of [0, 1, 2, 3]) {
          const held = batch.filter((one) => one.partition === partition);
          assert.ok(held.reduce((sum, one) => sum + sizeOf(one), 0) <= limits.partitionBytes);
        }
      }
    }),
  );
});

test('sizes are of bytes, not of characters', () => {
  const of = (value: string) => sizeOf({ topic: 't', partition: 0, key: '', value, headers: {} });
  assert.equal(of('äöü') - of('aou'), 3);
});
