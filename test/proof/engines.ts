import { writeFile } from 'node:fs/promises';
import { commandOptions } from '../../tools/command-options.ts';
import { wholeOption } from '../../tools/option-numbers.ts';
import { asking, type Checked, check, layBeside } from './engines/checker.ts';
import { acknowledged, openHistory } from './engines/history.ts';
import { type Engine, openPlant } from './engines/plant.ts';
import { readPublished } from './engines/published.ts';
import { oneRound, settle } from './engines/rounds.ts';

export interface EnginesOptions {
  rounds: number;
  programs?: number;
  workers?: number | undefined;
  /** See `PlantOptions`. */
  kafka?: string | undefined;
  /** `name=value` of PostgreSQL: a setting that breaks the promise. The run then ends with the first round in which the checker sees it. */
  mutant?: string;
  /** Which engines die in which round, over and over; drawn when left out. */
  kills?: readonly (readonly Engine[])[];
  say(text: string): void;
}

export interface EnginesFigures extends Omit<Checked, 'faults'> {
  rounds: number;
  mutant: string | null;
  kills: Record<Engine, number>;
  /** Requests under way at the moments of the kills, summed. */
  underWay: number;
  acknowledged: number;
  /** Operations that no answer told the end of. */
  unknown: number;
  measured: number;
  answers: Record<string, number>;
  repeated: number;
  replayed: number;
  /** Acknowledged and missing, as counted after the rounds. */
  lost: number;
  /** Messages that repeat an event: allowed on the wire, and left out by the inbox. */
  publishedAgain: number;
  faults: string[];
}

/** Every set of engines that can die together once, in an order of chance, and so on. */
function draw(rounds: number, engines: readonly Engine[]): Engine[][] {
  const sets = Array.from({ length: 2 ** engines.length - 1 }, (_, set) => engines.filter((_engine, at) => ((set + 1) >> at) & 1));
  const drawn: Engine[][] = [];
  while (drawn.length < rounds) drawn.push(...sets.toSorted(() => Math.random() - 0.5));
  return drawn;
}

/** Kills engines under load, round after round, then holds everything that is kept against everything that was acknowledged. */
export async function measureEngines({
  rounds,
  programs = 2,
  workers,
  kafka,
  mutant,
  kills,
  say,
}: EnginesOptions): Promise<EnginesFigures> {
  const history = openHistory();
  const [name = '', value = ''] = mutant?.split('=') ?? [];
  const plant = await openPlant({ programs, workers, kafka, postgres: { settings: mutant ? { [name]: value } : {} } });
  const figures: EnginesFigures = {
    rounds: 0,
    mutant: mutant ?? null,
    kills: { program: 0, postgres: 0, kafka: 0 },
    underWay: 0,
    acknowledged: 0,
    unknown: 0,
    measured: 0,
    answers: {},
    repeated: 0,
    replayed: 0,
    stored: 0,
    events: 0,
    audit: 0,
    judged: 0,
    lost: 0,
    publishedAgain: 0,
    faults: [],
  };
  const { adminUrl } = plant.postgres;
  try {
    // The setting is to cost what is acknowledged under load, not the plant itself.
    if (mutant) await asking(adminUrl, (client) => client.query('checkpoint'));
    const chosen = kills ?? draw(rounds, kafka === 'managed' ? ['program', 'postgres', 'kafka'] : ['program', 'postgres']);
    for (let round = 1; round <= rounds && figures.lost === 0; round += 1) {
      const engines = chosen[(round - 1) % chosen.length] ?? [];
      const { underWay, downMillis, gone } = await oneRound(plant, history, round, engines);
      for (const engine of engines) figures.kills[engine] += 1;
      figures.rounds = round;
      figures.underWay += underWay;
      figures.lost += gone.length;
      if (gone.length > 0) figures.faults.push(`round ${round}: ${gone.length} acknowledged inspections are gone, such as ${gone[0]}`);
      say(
        `round ${round} of ${rounds}: ${engines.join(' and ')} killed with ${underWay} requests under way, serving again after ${Math.round(downMillis)} ms; ` +
          `${acknowledged(history)} inspections acknowledged so far, ${gone.length} of the round's are gone`,
      );
    }
    if (figures.lost === 0) {
      await settle(plant);
      say('checking');
      const { ids, again, disordered } = await readPublished(plant);
      const { faults, ...counts } = await asking(adminUrl, async (client) => {
        await layBeside(client, history, ids);
        return check(client);
      });
      figures.publishedAgain = again;
      if (disordered.length > 0) figures.faults.push(`${disordered.length} records were published out of order, such as ${disordered[0]}`);
      Object.assign(figures, counts);
      figures.faults.push(...faults.map(({ says, count, of }) => `${says}: ${count}, such as ${of.join(', ')}`));
    }
    figures.faults.push(...history.faults, ...plant.fallen);
  } finally {
    await plant.stop();
  }
  return {
    ...figures,
    acknowledged: acknowledged(history),
    unknown: history.creations.filter(({ outcome }) => outcome === 'info').length,
    measured: history.measurings.filter(({ outcome }) => outcome === 'ok').length,
    answers: Object.fromEntries([...history.answers].sort()),
    repeated: history.repeated,
    replayed: history.replayed,
  };
}

const USAGE = `usage: node test/proof/engines.ts [--rounds 20] [options]

Kills the program, PostgreSQL or several engines at once (SIGKILL) at random moments under load, starts them again, and checks at the end that
everything acknowledged is stored, published and in effect exactly once. Prints one line of JSON; leaves with 1 when there is a fault.

  --programs 2              how many programs serve over the one database
  --workers N               processes of each program; one process of it dies
  --kafka managed           over a broker of its own, which dies too; HOST:PORT: over brokers that stay up
  --mutant NAME=VALUE       a setting of PostgreSQL such as synchronous_commit=off, with which it keeps less than it promises: the run ends with the
                            first round in which something acknowledged is missing
  --json FILE               writes the line there as well`;

if (import.meta.main) {
  const { values } = commandOptions({
    options: {
      rounds: { type: 'string', default: '20' },
      programs: { type: 'string', default: '2' },
      workers: { type: 'string' },
      kafka: { type: 'string' },
      mutant: { type: 'string' },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) console.log(USAGE);
  else {
    const figures = await measureEngines({
      rounds: wholeOption('rounds', values.rounds),
      programs: wholeOption('programs', values.programs),
      workers: values.workers === undefined ? undefined : wholeOption('workers', values.workers),
      kafka: values.kafka,
      ...(values.mutant ? { mutant: values.mutant } : {}),
      say: (text) => console.error(text),
    });
    const line = JSON.stringify(figures);
    console.log(line);
    if (values.json) await writeFile(values.json, `${line}\n`);
    if (figures.faults.length > 0) process.exitCode = 1;
  }
}
