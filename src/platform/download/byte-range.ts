import { ProblemError } from '../problem.ts';

export interface ByteRange {
  /** First and last byte, both inclusive. */
  start: number;
  end: number;
}

/**
 * `Range: bytes=...` (RFC 9110, 14.1.2) against a size. `null`: send everything, as for no header, another unit, nonsense, or more than one range, which a
 * server may ignore. @throws ProblemError range_not_satisfiable when the range lies behind the end
 */
export function byteRange(header: string | undefined, size: number): ByteRange | null {
  const found = header === undefined ? null : /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header.trim());
  if (!found || (found[1] === '' && found[2] === '')) return null;
  const [, first = '', last = ''] = found;
  const outside = () => new ProblemError('range_not_satisfiable', { headers: { 'content-range': `bytes */${size}` } });
  if (first === '') {
    if (Number(last) === 0) throw outside();
    return { start: Math.max(0, size - Number(last)), end: size - 1 };
  }
  const start = Number(first);
  const end = last === '' ? size - 1 : Math.min(Number(last), size - 1);
  if (last !== '' && Number(last) < start) return null;
  if (start >= size) throw outside();
  return { start, end };
}
