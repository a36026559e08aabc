import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Inspection } from '../../src/contracts/inspections.ts';
import { Factory } from '../../src/simulator/factory.ts';
import { commandOptions } from '../../tools/command-options.ts';
import { overlap } from '../../tools/evaluation/scoring.ts';
import { wholeOption } from '../../tools/option-numbers.ts';
import { type RunningPlatform, startPlatform } from '../support/platform.ts';

interface Truth {
  lot_id: string;
  chip_id: string;
  defects: { class: string; x: number; y: number; width: number; height: number }[];
}
export interface BoxFigures {
  boards: number;
  defects: number;
  /** Share of the true defects that a box of the API meets (IoU over 0.33). */
  met: number;
  good: number;
  /** Share of the good boards that got the verdict fail. */
  goodFailed: number;
  waiting: number;
}

/** Lets the simulated plant post boards as fast as they are judged and holds the API's boxes against the truth, which no request held. */
export async function measureBoxes(platform: RunningPlatform, boards: number, seed = 7): Promise<BoxFigures> {
  const truthFile = join(platform.dataDir, 'proof-truth.ndjson');
  await new Factory({
    url: platform.url,
    credentials: platform.credentials,
    stations: 4,
    pace: { fast: 600, slow: 600, fastMillis: 0 },
    defectRate: 0.3,
    seed,
    queueFolder: join(platform.dataDir, 'simulated-stations'),
    truthFile,
    boards,
    signal: new AbortController().signal,
    say: () => undefined,
  }).run();
  const truths = (await readFile(truthFile, 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Truth);
  const stations = ['hamburg', 'penang'].map(
    (site) => platform.credentials.clients.find((one) => one.site === site && one.station_id === undefined)?.client_id ?? '',
  );
  const readers = stations.map((id) => platform.station(id));
  const figures = { boards: truths.length, defects: 0, met: 0, good: 0, goodFailed: 0, waiting: 0 };
  for (const truth of truths) {
    const inspection = await settled(readers, truth.chip_id);
    const boxes = (inspection.defects ?? []).flatMap((defect) => (defect.box ? [defect.box] : []));
    figures.defects += truth.defects.length;
    figures.met += truth.defects.filter((defect) => boxes.some((box) => overlap(defect, box) > 0.33)).length;
    if (truth.defects.length === 0) {
      figures.good += 1;
      figures.goodFailed += inspection.verdict === 'fail' ? 1 : 0;
    }
    figures.waiting += inspection.status === 'awaiting_review' ? 1 : 0;
  }
  return { ...figures, met: figures.met / Math.max(1, figures.defects), goodFailed: figures.goodFailed / Math.max(1, figures.good) };
}

async function settled(readers: ReturnType<RunningPlatform['station']>[], chip: string): Promise<Inspection> {
  for (let tries = 0; tries < 600; tries += 1) {
    for (const reader of readers) {
      const found = await reader.get<{ data: Inspection[] }>(
        `/v1/inspections?chip_id=${encodeURIComponent(chip)}&inspection_type=visual&include=defects`,
      );
      const inspection = found.data[0];
      if (inspection && inspection.status !== 'pending' && inspection.status !== 'in_progress') return inspection;
    }
    await pause(200);
  }
  throw new Error(`${chip} was not judged within two minutes`);
}

if (import.meta.main) {
  const { values } = commandOptions({
    options: {
      boards: { type: 'string', default: '300' },
      seed: { type: 'string', default: '7' },
      models: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help)
    console.log(
      'usage: node test/proof/boxes.ts [--boards 300] [--seed 7] [--models FOLDER]\n\nHolds the boxes of the API against the truth of simulated boards; leaves with 1 when they are not right.',
    );
  else {
    const [boards, seed] = [wholeOption('boards', values.boards), wholeOption('seed', values.seed, 0)];
    const platform = await startPlatform(null, { environment: values.models ? { MODELS_DIR: values.models } : {} });
    const figures = await measureBoxes(platform, boards, seed).finally(() => platform.stop());
    console.log(JSON.stringify(figures));
    if (figures.met < 0.9 || figures.goodFailed > 0.05) process.exitCode = 1;
  }
}
