/** A line that is longer than it may be: its bytes are forgotten as they come. */
export const TOO_LONG = Symbol('too long');
export type Line = Uint8Array | typeof TOO_LONG;

const FEED = 0x0a;

/** Nothing but spaces, tabs and carriage returns: no item. */
function isBlank(line: Uint8Array): boolean {
  for (const byte of line) if (byte !== 0x20 && byte !== 0x09 && byte !== 0x0d) return false;
  return true;
}

export interface LineCutter {
  /** Lines that end in these bytes; a line that lies whole in them is no copy. */
  push(bytes: Uint8Array): Line[];
  /** The last line, when it has no line feed. */
  end(): Line[];
}

/** Cuts bytes into lines as they come. Holds at most one line of `limit` bytes; empty lines are left out. */
export function cutLines(limit: number): LineCutter {
  let held: Uint8Array[] = [];
  let size = 0;
  let tooLong = false;

  function hold(part: Uint8Array): void {
    size += part.length;
    if (size > limit) {
      tooLong = true;
      held = [];
    } else if (part.length > 0) held.push(part);
  }

  function take(part: Uint8Array): Line | null {
    if (size === 0 && part.length <= limit) return isBlank(part) ? null : part;
    hold(part);
    const line = tooLong ? TOO_LONG : Buffer.concat(held);
    held = [];
    size = 0;
    tooLong = false;
    return line !== TOO_LONG && isBlank(line) ? null : line;
  }

  return {
    push(bytes) {
      const lines: Line[] = [];
      let start = 0;
      for (let feed = bytes.indexOf(FEED); feed !== -1; feed = bytes.indexOf(FEED, start)) {
        const line = take(bytes.subarray(start, feed));
        if (line !== null) lines.push(line);
        start = feed + 1;
      }
      if (start < bytes.length) hold(bytes.subarray(start));
      return lines;
    },
    end() {
      const line = take(new Uint8Array(0));
      return line === null ? [] : [line];
    },
  };
}
