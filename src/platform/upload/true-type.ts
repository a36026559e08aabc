import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { ProblemError } from '../problem.ts';
import { JsonCheck } from './json-check.ts';
import { detect, HEAD_BYTES } from './magic.ts';

async function headOf(path: string): Promise<Buffer> {
  const handle = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

/** UTF-8 (no byte that is not, no NUL, no early end) and, for JSON, one whole JSON text; read in chunks. */
async function isText(path: string, json: boolean): Promise<boolean> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const check = json ? new JsonCheck() : null;
  try {
    for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
      if (chunk.includes(0)) return false;
      const text = decoder.decode(chunk, { stream: true });
      if (check && !check.push(text)) return false;
    }
    const rest = decoder.decode();
    return check ? check.push(rest) && check.finish() : true;
  } catch (error) {
    if (error instanceof TypeError) return false;
    throw error;
  }
}

/**
 * Holds the bytes of a file to the content type that they came with.
 * @throws ProblemError content_mismatch
 */
export async function provenType(path: string, declared: string): Promise<void> {
  const found = detect(await headOf(path));
  const isTextual = declared.startsWith('text/') || declared === 'application/json';
  const holds = isTextual ? await isText(path, declared === 'application/json') : found === declared;
  if (!holds) {
    const really = found === null ? 'something else' : found;
    throw new ProblemError('content_mismatch', {
      detail: `The content type says ${declared}, the bytes are ${isTextual && found === null ? 'not that' : really}`,
    });
  }
}
