import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';

const LOG = new URL('log.ts', import.meta.url).href;

/** What a program that writes 500 lines and then does `last` leaves on a pipe. */
async function linesOf(last: string, worker = 'undefined'): Promise<number[]> {
  const program = `import { createLog } from '${LOG}';
    const log = createLog({ level: 'info', service: 'test', worker: ${worker} });
    for (let n = 0; n < 500; n += 1) log.info({ n, words: 'grün '.repeat(8) }, 'line');
    ${last}`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], { stdio: ['ignore', 'pipe', 'ignore'] });
  const pieces: Buffer[] = [];
  for await (const piece of child.stdout) pieces.push(piece as Buffer);
  const texts = Buffer.concat(pieces).toString().split('\n').slice(0, -1);
  return texts.map((text) => (JSON.parse(text) as { n: number }).n);
}

const ALL = Array.from({ length: 500 }, (_, n) => n);

test('every line is written whole and once, however the program ends', { timeout: 60_000 }, async () => {
  for (const last of [
    '',
    'process.exit(3);',
    "throw new Error('unexpected');",
    // In turns of the loop: what is due at once is not written between.
    "let turns = 0; setInterval(() => { turns += 1; if (turns === 20) process.kill(process.pid, 'SIGKILL'); }, 100);",
  ])
    assert.deepEqual(
      (await linesOf(last)).sort((one, other) => one - other),
      ALL,
      last,
    );
  assert.deepEqual(await linesOf(''), ALL, 'in order where it ends by itself');
  assert.deepEqual(await linesOf('', '2'), ALL, 'of several processes');
});
