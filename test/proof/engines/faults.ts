import { setTimeout as sleep } from 'node:timers/promises';
import type { Answered } from './ask.ts';
import { asking, check, layBeside } from './checker.ts';
import { acknowledged, type History, openHistory } from './history.ts';
import { openPlant, type Plant, type PlantOptions } from './plant.ts';
import { readPublished } from './published.ts';
import { settle } from './rounds.ts';
import { type Load, startLoad } from './stations.ts';

/** An answer, and when its question was sent (`performance.now()`). */
export interface Seen extends Answered {
  sentAt: number;
}

export interface Watched {
  plant: Plant;
  load: Load;
  /** Every answer so far. */
  seen: readonly Seen[];
  /** @returns milliseconds from now to the first acknowledgement of something sent from now on */
  recovery(limitMs: number): Promise<number>;
}

/** Load on one program while `hurt` does something to its engine and takes it back; then everything that was acknowledged is checked. */
export async function underFault(
  options: Omit<PlantOptions, 'programs'>,
  hurt: (watched: Watched) => Promise<void>,
): Promise<{ history: History; acknowledged: number; faults: string[] }> {
  const history = openHistory();
  const seen: Seen[] = [];
  const plant = await openPlant({ programs: 1, ...options });
  try {
    const load = startLoad(
      {
        history,
        stations: plant.stations,
        bases: plant.bases,
        seen: (answer) => seen.push({ ...answer, sentAt: performance.now() - answer.millis }),
      },
      1,
    );
    await sleep(1500);
    await hurt({
      plant,
      load,
      seen,
      async recovery(limitMs) {
        const began = performance.now();
        for (; performance.now() - began < limitMs; await sleep(20))
          if (seen.some(({ status, sentAt }) => status === 201 && sentAt >= began)) return performance.now() - began;
        throw new Error(`nothing was acknowledged within ${limitMs} ms`);
      },
    });
    await load.end();
    await settle(plant);
    const { ids } = await readPublished(plant);
    const { faults } = await asking(plant.postgres.adminUrl, async (client) => {
      await layBeside(client, history, ids);
      return check(client);
    });
    return {
      history,
      acknowledged: acknowledged(history),
      faults: [...history.faults, ...plant.fallen, ...faults.map(({ says, count, of }) => `${says}: ${count}, such as ${of.join(', ')}`)],
    };
  } finally {
    await plant.stop();
  }
}
