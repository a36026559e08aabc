import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const FASTAPI = fileURLToPath(new URL('./fastapi/', import.meta.url));
const REQUIREMENTS = join(FASTAPI, 'requirements.txt');
/** Debian's own first: a build without profile-guided optimisation, such as pyenv's, takes 1.6 times as long in pure Python. */
const CANDIDATES = ['/usr/bin/python3.11', '/usr/local/bin/python3.11', 'python3.11'];

export interface Python {
  /** Of the virtual environment. */
  program: string;
  /** What it is, for the table. */
  description: string;
}

/** Where the packages of the peers lie: not in the checkout, and kept between runs. */
const home = (): string => process.env.BENCH_PYTHON_HOME ?? join(homedir(), '.cache', 'cqp-bench-python');

function run(command: string, args: string[]): { ok: boolean; text: string } {
  const done = spawnSync(command, args, { encoding: 'utf8', timeout: 300_000 });
  return { ok: done.status === 0, text: `${done.stdout ?? ''}${done.stderr ?? ''}${done.error?.message ?? ''}`.trim() };
}

/** A virtual environment with exactly the pinned packages, made when it is not there; or why there is none on this machine. `TEST_PYTHON` names the interpreter. */
export function findPython(say: (text: string) => void = () => {}): Python | { lacks: string } {
  const given = process.env.TEST_PYTHON;
  const base = (given ? [given] : CANDIDATES).find(
    (candidate) => run(candidate, ['-c', 'import sys; assert sys.version_info[:2] == (3, 11)']).ok,
  );
  if (base === undefined) return { lacks: 'Python 3.11 is not here (Debian: apt-get install python3.11-venv)' };
  const wanted = createHash('sha256').update(readFileSync(REQUIREMENTS)).update(base).digest('hex').slice(0, 12);
  const folder = join(home(), wanted);
  const program = join(folder, 'bin', 'python');
  const stamp = join(folder, 'complete');
  if (!existsSync(stamp)) {
    say(`installing the peers' packages into ${folder}`);
    rmSync(folder, { recursive: true, force: true });
    const made = run(base, ['-m', 'venv', folder]);
    if (!made.ok)
      return { lacks: `${base} makes no virtual environment (Debian: apt-get install python3.11-venv): ${lastLine(made.text)}` };
    const installed = run(program, ['-m', 'pip', 'install', '--quiet', '--only-binary', ':all:', '--requirement', REQUIREMENTS]);
    if (!installed.ok) return { lacks: `pip cannot install the peers' packages: ${lastLine(installed.text)}` };
    writeFileSync(stamp, '');
  }
  const version = run(program, ['-c', 'import sys; print(sys.version.split()[0])']).text;
  const slower = base.startsWith('/usr/bin/')
    ? ''
    : ' (not Debian’s: a build without profile-guided optimisation is up to 1.6 times as slow)';
  return { program, description: `CPython ${version}, ${base}${slower}` };
}

const lastLine = (text: string): string => text.split('\n').at(-1) ?? '';
