import { headOf, type OutboxEntry } from './outbox-reader.ts';

/** Of a record, as a text of its own: the id alone is a part of the event's text, and a Map that holds it would hold all of that. */
export const recordName = (topic: string, type: string, id: string): string => Buffer.from(`${topic} ${type} ${id}`).toString();

/**
 * Notes of each entry whether all lower versions of its record stand before it in the outbox (`follows`). That is a property of the outbox and of no group:
 * it is found out once, by who reads the outbox in order, and whoever has such an entry need neither remember the record nor ask for it.
 */
export class Precedence {
  private readonly remembered: number;
  /** Of each record the highest version up to which nothing was missing; who was seen first is forgotten first. */
  private readonly whole = new Map<string, number>();

  /** @param remembered records, some 150 bytes each; of one that is forgotten the next version is not said to follow */
  constructor(remembered: number) {
    this.remembered = remembered;
  }

  /** Marks entries that come after those of the calls before, with nothing of their lanes left out between. */
  mark(entries: readonly OutboxEntry[]): void {
    for (const entry of entries) {
      const head = headOf(entry);
      if (!head) continue;
      const { type, id, version } = head.aggregate;
      const name = recordName(entry.topic, type, id);
      if (version > 1 && (this.whole.get(name) ?? 0) < version - 1) continue;
      entry.follows = true;
      this.note(name, version);
    }
  }

  private note(name: string, version: number): void {
    this.whole.set(name, Math.max(version, this.whole.get(name) ?? 0));
    if (this.whole.size <= this.remembered) return;
    for (const oldest of this.whole.keys()) {
      this.whole.delete(oldest);
      return;
    }
  }
}
