import { spawn } from 'node:child_process';
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { commandOptions } from '../tools/command-options.ts';
import { wholeOption } from '../tools/option-numbers.ts';
import { redisProgram } from '../tools/servers/redis.ts';

const { values, positionals } = commandOptions({
  allowPositionals: true,
  options: { help: { type: 'boolean', default: false }, concurrency: { type: 'string', default: '3' } },
});
if (values.help) {
  console.log(`usage: npm test [-- <pattern> ...] [--concurrency 3]      (a pattern is a part of a test file's path, or a glob)

Runs every test that this machine can run, on the embedded PostgreSQL; says what it left out and why.
TEST_DATABASE_URL=postgresql://...  runs the tests that need a database on that server as well (its user may create databases).
TEST_KAFKA_BROKERS=127.0.0.1:19092  runs the tests that need a broker on that one; topics of their own, dropped at the end.
TEST_S3_ENDPOINT=http://127.0.0.1:19190  runs the tests of files on S3 there (tools/servers/s3/s3mock.sh); with a key: http://key:secret@host:port.
TEST_KSERVE_PYTHON=.../bin/python   a Python with NVIDIA's tritonclient (tools/servers/kserve/client.sh install prints it).
TEST_QEMU=/usr/bin/qemu-x86_64      runs the shipped models as processors without VNNI do (Debian: apt-get install qemu-user).
TEST_TRITON=~/.cache/cqp-triton      runs the tests on a real Triton that is installed there (tools/servers/triton/install.sh).
TEST_TIMESCALE_URL=postgresql://... runs those of tables that are cut by time on a server with TimescaleDB (tools/servers/timescale.sh).
TEST_PRIMARY_URL, TEST_REPLICA_URL  a primary and its streaming standby (tools/servers/replica.sh).
CI=true                             leaves nothing out: what the machine lacks is a failure.`);
  process.exit(0);
}

const concurrency = wholeOption('concurrency', values.concurrency);
const root = fileURLToPath(new URL('..', import.meta.url));
const ci = process.env.CI === 'true';
const leftOut: string[] = [];
const totals = { passed: 0, failed: 0, skipped: 0 };

function lacks(what: string, why: string): void {
  leftOut.push(`${what}: ${why}`);
}

const every = ['src/**/*.test.ts', 'test/**/*.test.ts', 'tools/**/*.test.ts', 'web/src/**/*.test.ts', 'bench/**/*.test.ts'];
const whole = globSync(every, { cwd: root }).sort();
const globbed = new Set(globSync(positionals, { cwd: root }));
let files = positionals.length === 0 ? whole : whole.filter((file) => globbed.has(file) || positionals.some((part) => file.includes(part)));
if (files.length === 0) {
  console.error(`no test file has a path like ${positionals.join(' or ')}`);
  process.exit(1);
}
const chromium = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);
if (chromium === undefined && files.some((file) => file.startsWith('test/browser/'))) {
  lacks('test/browser', 'no Chromium found (Debian: apt-get install chromium)');
  files = files.filter((file) => !file.startsWith('test/browser/'));
}
const needsBroker = (file: string) => /kafka[^/]*$/.test(file);
if (!process.env.TEST_KAFKA_BROKERS && files.some(needsBroker)) {
  lacks('the tests on Kafka', 'TEST_KAFKA_BROKERS is not set (tools/servers/kafka/kafka.sh starts a broker)');
  files = files.filter((file) => !needsBroker(file));
}
if (redisProgram === undefined && files.some((file) => file.includes('redis'))) {
  lacks('the tests on Redis', 'no redis-server found (Debian: apt-get install redis-server)');
  files = files.filter((file) => !file.includes('redis'));
}
const onS3 = /^test\/.*\bs3\b/;
if (!process.env.TEST_S3_ENDPOINT && files.some((file) => onS3.test(file))) {
  lacks('the tests of files on S3', 'TEST_S3_ENDPOINT is not set (tools/servers/s3/s3mock.sh starts a server)');
  files = files.filter((file) => !onS3.test(file));
}
if (!process.env.TEST_QEMU && files.includes('test/contract/runtime.kernels.test.ts')) {
  lacks('test/contract/runtime.kernels.test.ts', 'TEST_QEMU is not set (a qemu-x86_64; Debian: apt-get install qemu-user)');
  files = files.filter((file) => file !== 'test/contract/runtime.kernels.test.ts');
}
if (!process.env.TEST_TRITON && files.some((file) => file.startsWith('test/') && file.includes('triton'))) {
  lacks('the tests on Triton', 'TEST_TRITON is not set (the folder into which tools/servers/triton/install.sh installs)');
  files = files.filter((file) => !file.startsWith('test/') || !file.includes('triton'));
}
if (!existsSync(join(root, '..', 'shared', 'data', 'deeppcb')))
  lacks('test/flow/deeppcb.test.ts', 'the DeepPCB training pairs are not beside this folder');

if (!process.env.TEST_KSERVE_PYTHON && files.includes('test/flow/kserve-client.test.ts')) {
  lacks('test/flow/kserve-client.test.ts', 'TEST_KSERVE_PYTHON is not set (tools/servers/kserve/client.sh install prints it)');
  files = files.filter((file) => file !== 'test/flow/kserve-client.test.ts');
}
if (process.env.TEST_PYTHON === undefined && files.includes('bench/sides.test.ts'))
  lacks("the bench's peers", 'TEST_PYTHON is not set (a Python 3.11 with venv)');

async function pass(title: string, chosen: string[], environment: Record<string, string>): Promise<boolean> {
  // Without files Node's runner would look for its own.
  if (chosen.length === 0) return true;
  console.log(`\n${title}: ${chosen.length} files`);
  const scratch = mkdtempSync(join(tmpdir(), 'cqp-test-'));
  const child = spawn(
    process.execPath,
    [
      '--test',
      `--test-concurrency=${concurrency}`,
      '--test-timeout=300000',
      '--test-reporter=dot',
      '--test-reporter-destination=stdout',
      '--test-reporter=spec',
      `--test-reporter-destination=${join(scratch, 'report.txt')}`,
      ...chosen,
    ],
    {
      cwd: root,
      stdio: 'inherit',
      env: { ...process.env, CQP_TEST_SCRATCH: scratch, ...environment },
    },
  );
  const code = await new Promise<number | null>((resolve) => child.on('exit', resolve));
  const report = readFileSync(join(scratch, 'report.txt'), 'utf8');
  console.log(report.slice(report.lastIndexOf('ℹ tests')));
  for (const [name, pattern] of [
    ['passed', /ℹ pass (\d+)/],
    ['failed', /ℹ fail (\d+)/],
    ['skipped', /ℹ skipped (\d+)/],
  ] as const)
    totals[name] += Number(pattern.exec(report)?.[1] ?? 0);
  const skipped = Number(/ℹ skipped (\d+)/.exec(report)?.[1] ?? 0);
  if (skipped > 0)
    lacks(`${skipped} tests`, [...report.matchAll(/﹣ (.*) # (.*)/g)].map((found) => `${found[1]} (${found[2]})`).join('; '));
  if (code !== 0) console.log(report.slice(report.indexOf('✖ failing tests')));
  rmSync(scratch, { recursive: true, force: true });
  return code === 0;
}

let good = await pass('on the embedded PostgreSQL 18', files, { TEST_DATABASE_URL: '' });
const given = process.env.TEST_DATABASE_URL;
/** They name their own server, need no database or are about what stands beside it, and ran above. */
const elsewhere =
  /^(src\/platform\/db\/(timescale|replica|embedded\/\w+)|test\/contract\/(blob\.\w+|limits\.redis|runtime\.[\w-]+)|test\/flow\/(s3-\w+|services|triton|station-client|open-inference[\w-]*))\.test\.ts$/;
/** A flow asks for the given server itself or through its proof; one that starts a server of its own does the same whatever is given: once is enough. */
function asksForDatabase(file: string): boolean {
  if (!file.startsWith('test/flow/')) return true;
  const text = readFileSync(join(root, file), 'utf8');
  const proofs = [...text.matchAll(/from '\.\.\/(proof\/[\w/-]+\.ts)'/g)].map(([, proof]) =>
    readFileSync(join(root, 'test', proof ?? ''), 'utf8'),
  );
  return [text, ...proofs].some((one) => /support\/(database|floor)|intake\.app/.test(one));
}
if (given) {
  const onDatabase = files.filter(
    (file) =>
      /^(test\/(flow|contract)|src\/platform\/(db|bus)|src\/identity)\//.test(file) && !elsewhere.test(file) && asksForDatabase(file),
  );
  good = (await pass('on the given PostgreSQL', onDatabase, { TEST_DATABASE_URL: given })) && good;
} else lacks('a second PostgreSQL', 'TEST_DATABASE_URL is not set');
const timescale = process.env.TEST_TIMESCALE_URL;
if (timescale) {
  const cut = /^(src\/audit\/|src\/platform\/db\/(door|migrate|partitions)\.|test\/flow\/(intake|disposition)-)/;
  good =
    (await pass(
      'on PostgreSQL with TimescaleDB',
      files.filter((file) => cut.test(file)),
      { TEST_DATABASE_URL: timescale },
    )) && good;
} else lacks('TimescaleDB', 'TEST_TIMESCALE_URL is not set');

for (const line of leftOut) console.log(`left out: ${line}`);
if (ci && leftOut.length > 0) {
  console.log('CI=true leaves nothing out: see above');
  good = false;
}
console.log(`\n${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
process.exit(good ? 0 : 1);
