import { readFile } from 'node:fs/promises';
import { type ParseArgsConfig, parseArgs } from 'node:util';

/** `parseArgs` for a tool: an option that it does not know, or that lacks its value, ends it in one line and with status 2. */
export function commandOptions<const T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config);
  } catch (error) {
    if (!String((error as NodeJS.ErrnoException).code).startsWith('ERR_PARSE_ARGS')) throw error;
    console.error((error as Error).message);
    process.exit(2);
  }
}

/** The JSON of a file that an option leads to; a file that cannot be read, or holds none, ends the tool in one line and with status 2. */
export async function jsonOption<T>(name: string, file: string): Promise<T> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as T;
  } catch (error) {
    console.error(
      `--${name}: ${file} ${error instanceof SyntaxError ? 'holds no JSON' : `cannot be read (${(error as NodeJS.ErrnoException).code})`}`,
    );
    process.exit(2);
  }
}
