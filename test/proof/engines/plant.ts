import { randomBytes, randomInt } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePorts } from '../../../src/platform/ports.ts';
import { type Postgres, type PostgresOptions, processesOf, startPostgres } from '../../../tools/servers/postgres.ts';
import { openBroker } from '../../support/kafka-broker.ts';
import { dropTopics } from '../../support/kafka-topics.ts';
import { type RunningPlatform, runCommand, startPlatform } from '../../support/platform.ts';
import type { Station } from './stations.ts';

export type Engine = 'program' | 'postgres' | 'kafka';

export interface PlantOptions {
  /** Processes of the program over one database, each on a port of its own. */
  programs: number;
  /**
   * Processes behind the port of each. The one that is killed is any of them: another is started in its place by their first, and when it is that one
   * the others have to leave by themselves.
   */
  workers?: number | undefined;
  postgres?: PostgresOptions;
  /** `managed`: a broker of its own, which can be killed; otherwise addresses of brokers that stay up. The bus is PostgreSQL when left out. */
  kafka?: string | undefined;
  environment?: Record<string, string>;
}

/** Real engines: a PostgreSQL of its own, a broker if asked for, and real `serve` processes over them, each of which can be killed and started again. */
export interface Plant {
  readonly postgres: Postgres;
  readonly stations: readonly Station[];
  readonly bases: readonly string[];
  /** Where events are published, besides the outbox. */
  readonly topics: { brokers: string; prefix: string } | null;
  tokenOfPerson(username: string): Promise<string>;
  /** A fresh one. */
  tokenOfStation(id: string): Promise<string>;
  /** SIGKILL, all at nearly the same moment. Of several programs a random part dies, at least one. */
  kill(engines: readonly Engine[]): Promise<void>;
  /** Whatever is down, the database first; back when all of it serves. */
  restart(): Promise<void>;
  /** Programs that ended without being killed: an engine's death must not be theirs. */
  readonly fallen: string[];
  stop(): Promise<void>;
}

const STATIONS = ['ICT-HH-1', 'DIM-HH-1', 'ICT-PG-1', 'THM-PG-1'];

export async function openPlant({ programs, workers, postgres: options, kafka, environment = {} }: PlantOptions): Promise<Plant> {
  const dataDir = await mkdtemp(join(tmpdir(), 'cqp-plant-'));
  const postgres = await startPostgres(options);
  const broker = kafka === 'managed' ? await openBroker() : null;
  const topics = kafka ? { brokers: broker?.address ?? kafka, prefix: `engines-${randomBytes(4).toString('hex')}.` } : null;
  const ports = await freePorts(programs);
  const bases = ports.map((port) => `http://127.0.0.1:${port}`);
  const settings = {
    DATABASE_URL: postgres.url,
    HOST: '127.0.0.1',
    // One issuer for all: a token of one is good at the others.
    PUBLIC_URL: bases[0] ?? '',
    TOKEN_LIFETIME: '1h',
    RATE_LIMIT: '1000000',
    // Most inspections here get no inputs: none of them is to be swept in a run that takes its time.
    INPUT_TIMEOUT: '1d',
    NODE_ENV: 'test',
    LOG_LEVEL: 'warn',
    ...(workers === undefined ? {} : { CQP_WORKERS: String(workers) }),
    ...(topics ? { KAFKA_BROKERS: topics.brokers, KAFKA_TOPIC_PREFIX: topics.prefix, KAFKA_REPLICATION: '1' } : {}),
    ...environment,
  };
  const running = new Map<number, RunningPlatform>();
  const killed = new Set<RunningPlatform>();
  const fallen: string[] = [];

  async function start(port: number): Promise<void> {
    const platform = await startPlatform(null, { dataDir, environment: { ...settings, PORT: String(port) } });
    running.set(port, platform);
    platform.process.once('exit', (code, signal) => {
      if (killed.has(platform)) return;
      running.delete(port);
      void platform.log().then((log) => fallen.push(`a program ended with ${code ?? signal}: ${log.slice(-1000)}`));
    });
  }

  async function killPrograms(): Promise<void> {
    const alive = [...running].sort(() => Math.random() - 0.5);
    const chosen = alive.slice(0, 1 + randomInt(alive.length));
    for (const [port, platform] of chosen) {
      const first = platform.process.pid ?? 0;
      const all = workers === undefined ? [first] : await processesOf(first);
      const victim = all[randomInt(all.length)] ?? first;
      if (victim !== first) {
        process.kill(victim, 'SIGKILL');
        continue;
      }
      killed.add(platform);
      running.delete(port);
      await platform.stop('SIGKILL');
    }
  }

  /** Data and all. */
  async function end(): Promise<void> {
    await postgres.remove();
    if (broker) await broker.end();
    else if (topics) await dropTopics(topics.brokers, topics.prefix);
    await rm(dataDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 500 });
  }

  try {
    // A broker that is busy may tell of a topic some seconds after it made it: the command fails then, and passes when it is given again.
    await runCommand(['migrate'], settings).catch((error: Error) =>
      topics && error.message.includes('Unknown topic') ? sleep(3000).then(() => runCommand(['migrate'], settings)) : Promise.reject(error),
    );
    for (const port of ports) await start(port);
    const first = running.get(ports[0] ?? 0) as RunningPlatform;
    const stations: Station[] = [];
    for (const id of STATIONS) {
      const client = first.credentials.clients.find(({ station_id }) => station_id === id);
      stations.push({ id, site: client?.site ?? '', token: await first.station(id).token() });
    }
    return {
      postgres,
      stations,
      bases,
      fallen,
      topics,
      tokenOfPerson: (username) => first.tokenOf(username),
      tokenOfStation: (id) => first.station(id).token(),
      async kill(engines) {
        const acts: Record<Engine, () => Promise<void>> = {
          program: killPrograms,
          postgres: () => postgres.kill(),
          kafka: async () => broker?.kill(),
        };
        await Promise.all(
          engines.map(async (engine) => {
            if (engines.length > 1) await sleep(randomInt(200));
            await acts[engine]();
          }),
        );
      },
      async restart() {
        await postgres.start();
        // A program starts without its broker.
        await Promise.all([broker?.start(), ...ports.filter((port) => !running.has(port)).map(start)]);
      },
      async stop() {
        for (const platform of running.values()) killed.add(platform);
        await Promise.all([...running.values()].map((platform) => platform.stop()));
        await end();
      },
    };
  } catch (error) {
    for (const platform of running.values()) platform.process.kill('SIGKILL');
    await end();
    throw error;
  }
}
