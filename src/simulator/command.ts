import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Credentials } from './client.ts';
import { Factory } from './factory.ts';

const USAGE = `usage: node src/main.ts simulate [options]

Runs a simulated plant against a platform: stations that are ordinary OAuth clients of the public API.

  --stations N         stations at work: AOI, electrical, thermal, dimensional   (8)
  --rate N/min         visual boards a minute of the whole plant                 (60/min)
  --defect-rate F      share of bad units, 0 to 1                                (0.1)
  --seed N             the same seed makes the same boards                       (7)
  --boards N           stop after so many visual boards                          (runs on)
  --url URL            the platform                                              (http://localhost:8000)
  --credentials FILE   its demo-credentials.json                                 (<data folder>/demo-credentials.json)
  --queue FOLDER       where stations keep what the platform does not take now   (a temporary one)
  --truth FILE         where the ground truth is written                         (<data folder>/simulated-truth.ndjson)`;

/** `simulate`: reads its options and runs until interrupted. `dataDir` is where a local platform keeps its credentials. */
export async function simulate(args: string[], dataDir: string): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      stations: { type: 'string', default: '8' },
      rate: { type: 'string', default: '60/min' },
      'defect-rate': { type: 'string', default: '0.1' },
      seed: { type: 'string', default: '7' },
      boards: { type: 'string' },
      url: { type: 'string', default: 'http://localhost:8000' },
      credentials: { type: 'string', default: join(dataDir, 'demo-credentials.json') },
      truth: { type: 'string', default: join(dataDir, 'simulated-truth.ndjson') },
      queue: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return console.log(USAGE);
  const rate = /^(\d+(?:\.\d+)?)(\/min)?$/.exec(values.rate)?.[1];
  const faults = [
    ...(rate === undefined || Number(rate) <= 0 ? ['--rate is a number above 0 such as 60/min'] : []),
    ...(/^[1-9]\d*$/.test(values.stations) ? [] : ['--stations is a whole number from 1']),
    ...(Number(values['defect-rate']) >= 0 && Number(values['defect-rate']) <= 1 ? [] : ['--defect-rate lies between 0 and 1']),
    ...(/^\d{1,6}$/.test(values.seed) ? [] : ['--seed is a whole number of at most 6 digits']),
    ...(values.boards === undefined || /^[1-9]\d*$/.test(values.boards) ? [] : ['--boards is a whole number from 1']),
  ];
  if (faults.length > 0) {
    console.error(`${faults.join('\n')}\n\n${USAGE}`);
    process.exitCode = 2;
    return;
  }
  const credentials = await credentialsOf(values.credentials);
  // Told now: a plant without it would make no board, and go on.
  await appendFile(values.truth, '');
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  const pace = { fast: Number(rate), slow: Number(rate), fastMillis: 0 };
  const queueFolder = values.queue ?? (await mkdtemp(join(tmpdir(), 'simulated-stations-')));
  try {
    const left = await new Factory({
      url: values.url,
      credentials,
      stations: Number(values.stations),
      pace,
      defectRate: Number(values['defect-rate']),
      seed: Number(values.seed),
      truthFile: values.truth,
      queueFolder,
      boards: values.boards === undefined ? null : Number(values.boards),
      signal: stop.signal,
      say: (text) => console.error(`[plant] ${text}`),
    }).run();
    if (left > 0 && !stop.signal.aborted) throw new Error(`${left} entries were not taken by ${values.url}`);
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  } finally {
    if (values.queue === undefined) await rm(queueFolder, { recursive: true, force: true });
  }
}

async function credentialsOf(file: string): Promise<Credentials> {
  const text = await readFile(file, 'utf8').catch((cause: Error) => {
    throw new Error(`The credentials cannot be read: start the platform first, or name its file with --credentials`, { cause });
  });
  try {
    const found = JSON.parse(text) as Credentials;
    if (Array.isArray(found.clients) && typeof found.token_endpoint === 'string') return found;
  } catch {}
  throw new Error(`${file} holds no credentials of a platform`);
}
