import type { PlatformClient } from '../../src/simulator/client.ts';
import { drawBoard, type Patch } from '../support/boards.ts';

/** What a reviewer is to say of a seeded board: of each finding, or of the whole board where it has none. */
export type Planned = { kind: 'findings'; say: ('confirm' | 'reject' | 'spur')[] } | { kind: 'hand'; say: 'pass' | 'fail' };
export interface SeededBoard {
  id: string;
  chip: string;
  planned: Planned;
}

/** Twenty boards: 20 findings to confirm, reject or name otherwise on 16 of them, four that no model could look at. */
export const TWENTY: readonly Planned[] = [
  ...Array.from({ length: 7 }, (): Planned => ({ kind: 'findings', say: ['confirm'] })),
  ...Array.from({ length: 3 }, (): Planned => ({ kind: 'findings', say: ['reject'] })),
  ...Array.from({ length: 2 }, (): Planned => ({ kind: 'findings', say: ['spur'] })),
  { kind: 'findings', say: ['confirm', 'reject'] },
  { kind: 'findings', say: ['reject', 'confirm'] },
  { kind: 'findings', say: ['reject', 'reject'] },
  { kind: 'findings', say: ['confirm', 'confirm'] },
  { kind: 'hand', say: 'pass' },
  { kind: 'hand', say: 'pass' },
  { kind: 'hand', say: 'pass' },
  { kind: 'hand', say: 'fail' },
];

const SIZE = { width: 640, height: 640 };
/** Fills 28 of the 64 pixels of a cell: the tiny model says 0.44, just below its threshold of 0.5. */
const doubtful = (index: number): Patch => ({ x: 64 + (index % 8) * 64, y: 96 + index * 24, width: 7, height: 4 });

async function post(station: PlatformClient, board: { lot: string; chip: string; template: Buffer; image: Buffer }): Promise<string> {
  const { id } = await station.send<{ id: string }>('POST', '/v1/inspections', {
    lot_id: board.lot,
    chip_id: board.chip,
    inspection_type: 'visual',
  });
  await station.upload('POST', `/v1/inspections/${id}/artifacts?kind=reference`, board.template, 'image/png');
  await station.upload('POST', `/v1/inspections/${id}/artifacts?kind=image`, board.image, 'image/png');
  return id;
}

async function reaches(station: PlatformClient, { id, chip }: { id: string; chip: string }, wanted: string): Promise<void> {
  let status = 'pending';
  for (let tries = 0; tries < 6 && status !== wanted; tries += 1)
    ({ status } = await station.get<{ status: string }>(`/v1/inspections/${id}?wait=10`));
  if (status !== wanted) throw new Error(`${chip} is ${status}, not ${wanted}`);
}

/** Posts boards that wait for a person, as a station does, and answers once all of them wait. Needs the tiny model. */
export async function seedWaiting(station: PlatformClient, plans: readonly Planned[], lot = 'LOT-2026-700'): Promise<SeededBoard[]> {
  const template = await drawBoard(SIZE);
  const boards: SeededBoard[] = [];
  for (const [index, planned] of plans.entries()) {
    const chip = `${lot.replace('LOT', 'PCB')}-${String(index + 1).padStart(2, '0')}`;
    const patches = planned.kind === 'findings' ? planned.say.map((_, at) => doubtful(index + at * 3)) : [];
    const whole = await drawBoard(SIZE, { lost: patches });
    // Half of a file has a good header and no picture: it is stored, and no model can look at it.
    const image = planned.kind === 'hand' ? whole.subarray(0, whole.length / 2) : whole;
    boards.push({ id: await post(station, { lot, chip, template, image }), chip, planned });
  }
  for (const board of boards) await reaches(station, board, 'awaiting_review');
  return boards;
}

/** Posts boards without any difference, which the model passes, and answers once it has. */
export async function goodBoards(station: PlatformClient, count: number, lot = 'LOT-2026-710'): Promise<{ id: string; chip: string }[]> {
  const template = await drawBoard(SIZE);
  const boards: { id: string; chip: string }[] = [];
  for (let index = 1; index <= count; index += 1) {
    const chip = `${lot.replace('LOT', 'PCB')}-${String(index).padStart(2, '0')}`;
    boards.push({ id: await post(station, { lot, chip, template, image: template }), chip });
  }
  for (const board of boards) await reaches(station, board, 'completed');
  return boards;
}

/** A run of small good boards of one station; `shift` pixels is how far the camera sits to the right. */
export async function stationRun(
  station: PlatformClient,
  { boards, shift }: { boards: number; shift: number },
  lot: string,
): Promise<void> {
  const size = { width: 64, height: 64 };
  const template = await drawBoard(size);
  const image = await drawBoard(size, {
    lost: shift > 0 ? [0, 32].map((x) => ({ x, y: 0, width: shift, height: 64 })) : [],
    gained: shift > 0 ? [16, 48].map((x) => ({ x, y: 0, width: shift, height: 64 })) : [],
  });
  let next = 0;
  const lane = async () => {
    for (let index = next++; index < boards; index = next++) {
      const chip = `${lot.replace('LOT', 'PCB')}-${index}`;
      await station.get(`/v1/inspections/${await post(station, { lot, chip, template, image })}?wait=20`);
    }
  };
  await Promise.all(Array.from({ length: 4 }, lane));
}
