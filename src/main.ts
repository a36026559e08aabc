import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { loadConfig, relaunchLean } from './config.ts';

const USAGE = `usage: node src/main.ts <command> [options]

  serve [--services gateway,inspection,inference,reports] [--workers N]
             runs the platform (all services when left out) in N processes behind one port (1; 0 or auto: one a core);
             settings come from the environment (docs/settings.md)
  migrate    brings the database to this version, and makes the topics that the brokers of KAFKA_BROKERS lack
  simulate   runs a simulated plant against a platform; simulate --help
  dead-letters [--group G] [--limit N]
             lists the events that a consumer group could not apply, a JSON object a line
  redrive    --id EVENT | --group G | --all
             hands such events to their groups again, once, as an entry of the audit trail
  token      prints an access token: --client ID or --user NAME of the demo credentials

  --help     this text`;

async function serveCommand(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: { services: { type: 'string' }, workers: { type: 'string' }, help: { type: 'boolean', default: false } },
  });
  if (values.help) return console.log(USAGE);
  relaunchLean(process.argv[1] ?? '', process.argv.slice(2));
  const { serve } = await import('./serve.ts');
  await serve(loadConfig(values));
}

async function migrateCommand(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options: { help: { type: 'boolean', default: false } } });
  if (values.help) return console.log(USAGE);
  const config = loadConfig();
  const { kafkaOf, MIGRATIONS, openServer } = await import('./infrastructure.ts');
  const { createLog } = await import('./platform/telemetry/log.ts');
  const { migrate } = await import('./platform/db/migrate.ts');
  const { refusedBy } = await import('./start-faults.ts');
  const server = await openServer(config, createLog({ level: config.LOG_LEVEL, service: config.SERVICE_NAME })).catch((error: unknown) => {
    throw refusedBy(config, error);
  });
  try {
    const done = await migrate({ ...server.address, folder: MIGRATIONS, log: { info: (message) => console.log(message) } });
    console.log(done.length === 0 ? 'the database is at this version already' : `migrations run: ${done.length}`);
  } finally {
    await server.stop();
  }
  const kafka = kafkaOf(config);
  if (kafka === null) return;
  const { makeTopics } = await import('./platform/bus/kafka/topics.ts');
  const made = await makeTopics(kafka.address, kafka.names, kafka.replication);
  console.log(made.length === 0 ? 'the topics are there already' : `topics made: ${made.join(', ')}`);
}

/** Works on the database of a platform that runs, or on one that does not. */
async function onDatabase<R>(work: (db: import('./platform/db/database.ts').Database) => Promise<R>): Promise<R> {
  const config = loadConfig();
  const { openMigrated } = await import('./infrastructure.ts');
  const { createLog } = await import('./platform/telemetry/log.ts');
  const { openDatabase } = await import('./platform/db/database.ts');
  const { runningAddress } = await import('./platform/db/embedded/embedded.ts');
  const running = config.databaseUrl === null ? await runningAddress(config.dataDir) : null;
  const log = createLog({ level: 'silent', service: config.SERVICE_NAME });
  const server = running === null ? await openMigrated(config, log) : { address: running, stop: async () => undefined };
  const db = openDatabase({ ...server.address, poolSize: 1, overflow: 1, statementTimeoutMs: config.DB_STATEMENT_TIMEOUT });
  try {
    return await work(db);
  } finally {
    await db.close();
    await server.stop();
  }
}

async function deadLettersCommand(command: 'dead-letters' | 'redrive', args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      group: { type: 'string' },
      ...(command === 'redrive' ? { id: { type: 'string' }, all: { type: 'boolean', default: false } } : { limit: { type: 'string' } }),
      help: { type: 'boolean', default: false },
    } as const,
  });
  if (values.help) return console.log(USAGE);
  const { group, id, all, limit: said } = values as { group?: string; id?: string; all?: boolean; limit?: string };
  const { isUuid } = await import('./platform/id.ts');
  const { listDeadLetters, MOST, redriveDeadLetters } = await import('./platform/bus/command-line.ts');
  const limit = said === undefined ? MOST : Number(said);
  const fault = !(Number.isInteger(limit) && limit >= 1 && limit <= MOST)
    ? `--limit is a whole number from 1 to ${MOST}`
    : command === 'redrive' && [id, group, all === true ? 'all' : undefined].filter((one) => one !== undefined).length !== 1
      ? 'one of --id, --group and --all says which events are meant'
      : id !== undefined && !isUuid(id)
        ? '--id is the event_id that dead-letters prints'
        : null;
  if (fault !== null) {
    console.error(fault);
    process.exitCode = 2;
    return;
  }
  const wanted = { group, id, limit };
  const began = performance.now();
  const progress = (done: number) => {
    if (done % 100 === 0 && performance.now() - began > 2000) console.error(`${done} handed over`);
  };
  console.error(
    await onDatabase((db) => (command === 'redrive' ? redriveDeadLetters(db, wanted, progress) : listDeadLetters(db, wanted, console.log))),
  );
}

async function token(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: { client: { type: 'string' }, user: { type: 'string' }, help: { type: 'boolean', default: false } },
  });
  if (values.help || (values.client === undefined) === (values.user === undefined)) {
    const usage =
      'usage: node src/main.ts token --client ID | --user NAME\n\nPrints the access token alone, by the real flow, with the demo credentials of CQP_DATA_DIR.';
    if (values.help) return console.log(usage);
    console.error(usage);
    process.exitCode = 2;
    return;
  }
  const { dataDir } = loadConfig();
  const { demoToken } = await import('./identity/command-line.ts');
  console.log(await demoToken(join(dataDir, 'demo-credentials.json'), values));
}

/** Errors whose message says all that there is to say. */
const PLAIN = new Set([
  'ConfigError',
  'DatabaseAway',
  'FolderInUse',
  'GroupIncomplete',
  'MigrationRefused',
  'ModelsUnreadable',
  'SealBroken',
  'StartRefused',
]);

/** What failed and why, down to the address that did not answer: a client of HTTP or Kafka says "failed" and keeps the rest within. */
function wordsOf(error: Error): string {
  const { message, cause, errors = [] } = error as Partial<AggregateError>;
  const within = PLAIN.has(error.name) ? [] : [...errors, cause].filter((one) => one instanceof Error);
  return [message?.replace(/\.$/, ''), ...new Set(within.map(wordsOf))].filter((words) => words).join(': ');
}

/** Arguments that no command knows. */
const isMistyped = (error: unknown): boolean => String((error as NodeJS.ErrnoException | null)?.code).startsWith('ERR_PARSE_ARGS');

/** A person who typed a command reads its error in one line; a server that falls over unforeseen shows its stack. */
function saysAll(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return PLAIN.has(error.name) || isMistyped(error) || !['serve', undefined].includes(process.argv[2]);
}

async function main([command = 'serve', ...args]: string[]): Promise<void> {
  switch (command) {
    case 'serve':
      return serveCommand(args);
    case 'migrate':
      return migrateCommand(args);
    case 'simulate': {
      const { simulate } = await import('./simulator/command.ts');
      return simulate(args, loadConfig().dataDir);
    }
    case 'token':
      return token(args);
    case 'dead-letters':
    case 'redrive':
      return deadLettersCommand(command, args);
    case '--help':
    case '-h':
    case 'help':
      return console.log(USAGE);
    default:
      if (command.startsWith('-')) return serveCommand([command, ...args]);
      console.error(`unknown command ${JSON.stringify(command)}\n\n${USAGE}`);
      process.exitCode = 2;
  }
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(saysAll(error) ? wordsOf(error as Error) : error);
  process.exit(isMistyped(error) ? 2 : 1);
}
