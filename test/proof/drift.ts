import { writeFileSync } from 'node:fs';
import { commandOptions } from '../../tools/command-options.ts';
import { amountOption, wholeOption } from '../../tools/option-numbers.ts';
import { testDatabase } from '../support/database.ts';
import { falseAlarmLengths, resampled } from './drift/arl.ts';
import { PLAN, type ReplayBoard, type ReplayPlan, takePictures } from './drift/replay.ts';
import { readRows, writeRows } from './drift/rows.ts';
import { playBoards, stationName } from './drift/slice.ts';

const { values } = commandOptions({
  options: {
    help: { type: 'boolean', default: false },
    boards: { type: 'string', default: String(PLAN.boards) },
    size: { type: 'string', default: String(PLAN.size) },
    seed: { type: 'string', default: String(PLAN.seed) },
    stretch: { type: 'string', default: '0.4' },
    threads: { type: 'string', default: '2' },
    rows: { type: 'string' },
    keep: { type: 'string' },
    arl: { type: 'string' },
  },
});
if (values.help) {
  console.log(`usage: node test/proof/drift.ts [--boards 2000] [--size 640] [--seed ${PLAN.seed}] [--stretch 0.4] [--threads 2]
                                [--keep FILE] [--rows FILE] [--arl RUNS]

Four stations look at seeded boards in turn; from the middle on one of them stretches its pictures by so many percent of their height. Each picture is
drawn, made a PNG and measured by the platform's own code, and the figures go through the real consumer of the monitoring slice on a real PostgreSQL.
Prints one JSON line: which alarms were raised, with which board, how many boards after the stretch began.
--stretch 0   nobody drifts: every alarm is false
--keep FILE   writes the figures of the pictures (the expensive part), --rows FILE takes them from there
--arl RUNS    also: how long the detector runs without a drift before it gives a false alarm (a baseline learnt anew for each run, 200,000 boards at
              most), on normal values and on the figures of this replay, drawn again and again; and how soon it finds the stretch`);
  process.exit(0);
}

const boards = wholeOption('boards', values.boards);
const stretch = amountOption('stretch', values.stretch, { least: 0 }) / 100;
const drifts = stretch === 0 ? null : { station: 2, from: boards / 2, stretch };
const plan: ReplayPlan = { ...PLAN, boards, size: wholeOption('size', values.size), seed: wholeOption('seed', values.seed, 0), drifts };
const runs = values.arl === undefined ? null : wholeOption('arl', values.arl);
const say = (done: number) => console.error(`${done} of ${boards} pictures`);
const rows: ReplayBoard[] = values.rows
  ? readRows(values.rows, plan)
  : await takePictures(plan, wholeOption('threads', values.threads), say);
if (values.keep) writeFileSync(values.keep, writeRows(rows));

const endings: (() => Promise<void>)[] = [];
const database = await testDatabase({ after: (fn) => void endings.push(fn) });
try {
  const { alarms, repeats } = await playBoards(database, rows, 200);
  const from = drifts?.from ?? boards;
  const result = {
    ...{ boards, stations: plan.stations, size: plan.size, seed: plan.seed, products: plan.products, repeated_events: repeats },
    stretch_percent: Number(values.stretch),
    drifting: drifts ? stationName(drifts.station) : null,
    from_board: drifts ? from : null,
    alarms: alarms.map(({ station_id, detector, feature, direction, board, why }) => ({
      ...{ station_id, detector, feature, direction, board, boards_after: board - from + 1 },
      why,
    })),
    named: [...new Set(alarms.map(({ station_id }) => station_id))],
    first_after: alarms[0] ? alarms[0].board - from + 1 : null,
  };
  console.log(JSON.stringify(result));
  if (runs !== null) {
    console.log(JSON.stringify({ normal: falseAlarmLengths(runs) }));
    console.log(JSON.stringify({ replay: resampled(rows, plan, runs) }));
  }
} finally {
  for (const end of endings) await end();
}
process.exit(0);
