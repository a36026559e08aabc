import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { commandOptions } from '../command-options.ts';
import { writePythonRepository } from './triton/repository.ts';

/** Where `tools/servers/triton/install.sh` keeps the server. */
export const TRITON_HOME = process.env.TRITON_HOME ?? join(homedir(), '.cache', 'cqp-triton');
const START_MS = 60_000;
const STOP_MS = 8000;

export interface TritonPorts {
  http: number;
  grpc: number;
  metrics: number;
}
export interface TritonServer {
  readonly process: ChildProcess;
  readonly pid: number;
  readonly ports: TritonPorts;
  /** Processes that run the models inside it: the Python backend starts one an instance. */
  stubs(): number[];
  log(): string;
  kill(): Promise<void>;
  /** In good order. Answers its exit status or the signal that ended it. */
  stop(): Promise<number | string | null>;
}

function descendants(pid: number): number[] {
  const children = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        return (
          readFileSync(`/proc/${name}/stat`, 'utf8')
            .replace(/^.*\) /, '')
            .split(' ')[1] === String(pid)
        );
      } catch {
        return false;
      }
    })
    .map(Number);
  return children.flatMap((child) => [child, ...descendants(child)]);
}

/**
 * Starts a real Triton on loopback and returns when it serves. `--model-control-mode=explicit`: models come and go through the repository API, as in
 * production. @param home the folder of the installation @throws Error with the end of its log
 */
export async function startTriton(models: string, ports: TritonPorts, { load = '*', home = TRITON_HOME } = {}): Promise<TritonServer> {
  const root = join(home, 'lib/python3.11/site-packages/pytriton/tritonserver');
  const folder = mkdtempSync(join(tmpdir(), 'cqp-triton-'));
  const file = join(folder, 'log');
  const tag = `cqp${process.pid}-${ports.http}-`;
  const out = openSync(file, 'w');
  const child = spawn(
    join(root, 'bin/tritonserver'),
    [
      `--model-repository=${resolve(models)}`,
      `--backend-directory=${root}/backends`,
      '--model-control-mode=explicit',
      ...(load === '' ? [] : [`--load-model=${load}`]),
      '--disable-auto-complete-config',
      '--exit-timeout-secs=5',
      '--allow-gpu-metrics=false',
      '--http-address=127.0.0.1',
      '--grpc-address=127.0.0.1',
      '--metrics-address=127.0.0.1',
      `--http-port=${ports.http}`,
      `--grpc-port=${ports.grpc}`,
      `--metrics-port=${ports.metrics}`,
      `--backend-config=python,shm-region-prefix-name=${tag}`,
    ],
    // PATH decides whose packages the backend's interpreter sees.
    { detached: true, stdio: ['ignore', out, out], env: { PATH: `${home}/bin:/usr/bin:/bin`, ORT_DISABLE_TELEMETRY: '1' } },
  );
  closeSync(out);
  let ended: number | string | null | undefined;
  const exited = new Promise<void>((done) => {
    child.once('error', (error) => {
      ended = error.message;
      done();
    });
    child.once('exit', (code, signal) => {
      ended = code ?? signal;
      done();
    });
  });
  const log = () => readFileSync(file, 'utf8');
  const wipe = () => {
    try {
      process.kill(-(child.pid ?? 0), 'SIGKILL');
    } catch {
      // Gone already.
    }
    for (const name of readdirSync('/dev/shm')) if (name.startsWith(tag)) rmSync(join('/dev/shm', name), { force: true });
    rmSync(folder, { recursive: true, force: true });
  };
  for (const end = Date.now() + START_MS; ; ) {
    const request = fetch(`http://127.0.0.1:${ports.http}/v2/health/ready`, {
      headers: { connection: 'close' },
      signal: AbortSignal.timeout(1000),
    });
    // Of this server, not of another that sits on the port.
    if (
      (await request.then(
        (answer) => answer.ok,
        () => false,
      )) &&
      log().includes('Started HTTPService')
    )
      break;
    if (ended !== undefined || Date.now() > end) {
      const words = log().slice(-2000);
      wipe();
      throw new Error(`tritonserver: ${ended ?? 'not ready'}\n${words}`);
    }
    await sleep(25);
  }
  const pid = child.pid as number;
  return {
    process: child,
    pid,
    ports,
    stubs: () => descendants(pid),
    log,
    async kill() {
      child.kill('SIGKILL');
      await exited;
      wipe();
    },
    async stop() {
      child.kill('SIGTERM');
      child.kill('SIGCONT');
      await Promise.race([exited, sleep(STOP_MS, undefined, { ref: false })]);
      wipe();
      return ended ?? null;
    },
  };
}

if (import.meta.main) {
  const { values } = commandOptions({
    options: {
      help: { type: 'boolean', default: false },
      models: { type: 'string', default: 'models' },
      http: { type: 'string', default: '8100' },
      grpc: { type: 'string', default: '8101' },
      metrics: { type: 'string', default: '8102' },
    },
  });
  if (values.help) {
    console.log(`usage: node tools/servers/triton.ts [--models models] [--http 8100] [--grpc 8101] [--metrics 8102]

Serves a model repository with a real Triton on loopback (Python backend, CPU) until it is interrupted. First: tools/servers/triton/install.sh install.
TRITON_HOME  where that is kept; ~/.cache/cqp-triton`);
    process.exit(0);
  }
  const repository = mkdtempSync(join(tmpdir(), 'cqp-triton-models-'));
  await writePythonRepository(values.models, repository);
  const server = await startTriton(repository, { http: Number(values.http), grpc: Number(values.grpc), metrics: Number(values.metrics) });
  console.log(`ready grpc://127.0.0.1:${values.grpc} http://127.0.0.1:${values.http}`);
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, async () => {
      await server.stop();
      rmSync(repository, { recursive: true, force: true });
      process.exit(0);
    });
}
