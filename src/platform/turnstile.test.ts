import assert from 'node:assert/strict';
import { test } from 'node:test';
import { turnstile } from './turnstile.ts';

test('a turnstile lets so many through at once, and a failure does not block it', async () => {
  const pass = turnstile(2);
  let inside = 0;
  let most = 0;
  const outcomes = await Promise.allSettled(
    Array.from({ length: 20 }, (_, index) =>
      pass(async () => {
        inside += 1;
        most = Math.max(most, inside);
        await new Promise((resolve) => setTimeout(resolve, 1));
        inside -= 1;
        if (index % 3 === 0) throw new Error('no');
        return index;
      }),
    ),
  );
  assert.equal(most, 2);
  assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 13);
});
