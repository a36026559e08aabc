import { readFile, writeFile } from 'node:fs/promises';
import { commandOptions } from './command-options.ts';

/** Writes a generated file, or with `--check` fails when the file on disk is not what would be written. */
export async function writeOrCheck(file: string, text: string, generator: string): Promise<void> {
  const { values } = commandOptions({ options: { check: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } } });
  if (values.help) {
    console.log(`usage: node ${generator} [--check]\n\nWrites ${file}; --check fails when it is out of date.`);
    return;
  }
  if (!values.check) return writeFile(file, text);
  const found = await readFile(file, 'utf8').catch(() => '');
  if (found !== text) {
    console.error(`${file} is out of date: run node ${generator}`);
    process.exitCode = 1;
  }
}
