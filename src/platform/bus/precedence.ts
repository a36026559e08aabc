import { headOf, type OutboxEntry } from './outbox-reader.ts';

/**
 * Of a record, as a text of its own. An id is a part of its event's text, and a Map whose key is put together from such a part holds the whole of it, until
 * the key is written out flat: that is what asking for a character does (V8).
 */
export function recordName(topic: string, type: string, id: string): string {
  const name = `${topic} ${type} ${id}`;
  return name.charCodeAt(0) > 0 ? name : '';
}

/**
 * Whoever changes a record has found it: its creation is older than every number that is taken for a change, so version 2 always follows, and
 * first versions need not be seen.
 */
export const CREATED = 1;

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
      const last = this.whole.get(name) ?? CREATED;
      if (last < version - 1) continue;
      entry.follows = true;
      if (last < version) this.whole.set(name, version);
      if (this.whole.size > this.remembered) this.forget();
    }
  }

  private forget(): void {
    for (const oldest of this.whole.keys()) {
      this.whole.delete(oldest);
      return;
    }
  }
}
