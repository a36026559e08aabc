import assert from 'node:assert/strict';
import v8 from 'node:v8';
import vm from 'node:vm';
import { relaunchLean } from '../../src/config.ts';

/**
 * A load's first moments, as V8 sees them: what one line makes is all alive when the young generation is collected. Prints by how many bytes the old
 * generation then grows with 20,000 more objects of that line, of which 64 are alive at a time. Much else is alive, as in a server: in an old generation
 * that holds nothing else V8 would see that these die.
 */
relaunchLean(process.argv[1] ?? '', process.argv.slice(2));
v8.setFlagsFromString('--expose-gc');
const collectYoung = () => vm.runInNewContext('gc')({ type: 'minor' });
const old = () => v8.getHeapSpaceStatistics().find(({ space_name }) => space_name === 'old_space')?.space_used_size ?? 0;

interface Made {
  index: number;
  parts: number[];
}
const alive: Made[] = [];
const make = (index: number): Made => ({ index, parts: [index, index + 1] });
function load(times: number, atOnce: number): void {
  for (let index = 0; index < times; index += 1) alive[index % atOnce] = make(index);
}

const held = Array.from({ length: 300_000 }, (_, index) => ({ held: index }));
load(20, 20);
load(600, 600);
collectYoung();
// Until the line is compiled.
for (let round = 0; round < 100; round += 1) load(20_000, 64);
collectYoung();
const before = old();
load(20_000, 64);
assert.equal(held.length, 300_000);
console.log(old() - before);
