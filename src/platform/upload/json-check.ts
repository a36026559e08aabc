/** A file nested deeper than this is refused: nobody's measurement is, and a parser's stack is not ours to spend. */
const MAX_DEPTH = 256;

type State = 'value' | 'value-or-close' | 'key' | 'key-or-close' | 'colon' | 'after' | 'end';
const LITERALS = ['true', 'false', 'null'] as const;
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const NUMBER_PART = /[0-9eE+.-]/;

/**
 * Tells whether a text is JSON (RFC 8259) while it streams by, in memory that does not grow with it: a 64 MiB file is never held, and never blocks
 * the event loop for longer than a chunk. `push` answers false as soon as the text cannot be JSON any more.
 */
export class JsonCheck {
  private state: State = 'value';
  private readonly stack: ('{' | '[')[] = [];
  private inString = false;
  private isKey = false;
  private escape = 0;
  private word: string | null = null;
  private broken = false;

  push(text: string): boolean {
    for (let index = 0; index < text.length && !this.broken; index++) {
      const char = text[index] ?? '';
      if (this.inString) this.stringChar(char);
      else if (this.word !== null && (NUMBER_PART.test(char) || /[a-z]/.test(char))) this.grow(char);
      else {
        if (this.word !== null) this.endWord();
        if (!this.broken) this.structure(char);
      }
    }
    return !this.broken;
  }

  /** Whether what was pushed is one whole JSON text. */
  finish(): boolean {
    if (this.word !== null) this.endWord();
    return !this.broken && !this.inString && this.state === 'end';
  }

  private stringChar(char: string): void {
    if (this.escape > 1) {
      if (!/[0-9a-fA-F]/.test(char)) this.broken = true;
      this.escape = this.escape === 5 ? 0 : this.escape + 1;
    } else if (this.escape === 1) {
      if (char === 'u') this.escape = 2;
      else if ('"\\/bfnrt'.includes(char)) this.escape = 0;
      else this.broken = true;
    } else if (char === '\\') this.escape = 1;
    else if (char === '"') {
      this.inString = false;
      if (this.isKey) this.state = 'colon';
      else this.closeValue();
    } else if (char < ' ') this.broken = true;
  }

  private grow(char: string): void {
    this.word += char;
    if ((this.word?.length ?? 0) > 1100) this.broken = true;
  }

  private endWord(): void {
    const word = this.word ?? '';
    this.word = null;
    if ((LITERALS as readonly string[]).includes(word) || NUMBER.test(word)) this.closeValue();
    else this.broken = true;
  }

  private closeValue(): void {
    this.state = this.stack.length === 0 ? 'end' : 'after';
  }

  private structure(char: string): void {
    if (char === ' ' || char === '\t' || char === '\n' || char === '\r') return;
    const { state } = this;
    const top = this.stack.at(-1);
    if (
      (char === '}' && top === '{' && (state === 'after' || state === 'key-or-close')) ||
      (char === ']' && top === '[' && (state === 'after' || state === 'value-or-close'))
    ) {
      this.stack.pop();
      this.closeValue();
    } else if (state === 'after' && char === ',') this.state = top === '{' ? 'key' : 'value';
    else if (state === 'colon' && char === ':') this.state = 'value';
    else if ((state === 'key' || state === 'key-or-close') && char === '"') {
      this.inString = true;
      this.isKey = true;
    } else if (state === 'value' || state === 'value-or-close') this.openValue(char);
    else this.broken = true;
  }

  private openValue(char: string): void {
    if (char === '{' || char === '[') {
      this.stack.push(char);
      this.state = char === '{' ? 'key-or-close' : 'value-or-close';
      if (this.stack.length > MAX_DEPTH) this.broken = true;
    } else if (char === '"') {
      this.inString = true;
      this.isKey = false;
    } else if (/[-0-9tfn]/.test(char)) this.word = char;
    else this.broken = true;
  }
}
