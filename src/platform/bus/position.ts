/**
 * A place in the outbox. Transaction ids grow and never wrap (xid8); `seq` orders the rows of one transaction. `{xid, seq: 0}` is the place
 * before everything of that transaction.
 */
export interface Position {
  readonly xid: bigint;
  readonly seq: number;
}

export const START: Position = { xid: 0n, seq: 0 };

export function compare(a: Position, b: Position): number {
  if (a.xid !== b.xid) return a.xid < b.xid ? -1 : 1;
  return a.seq - b.seq;
}

export const cursorOf = (position: Position): string => `${position.xid}.${position.seq}`;

const CURSOR = /^(0|[1-9]\d{0,18})\.(0|[1-9]\d{0,14})$/;

/** @returns undefined when the text is no cursor of ours */
export function parseCursor(text: string): Position | undefined {
  const match = CURSOR.exec(text);
  return match ? { xid: BigInt(match[1] ?? 0), seq: Number(match[2]) } : undefined;
}
