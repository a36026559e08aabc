/** A value and its JSON text. The text is made once, however many rows, entries and answers it goes into. */
export class JsonOnce<T = unknown> {
  readonly value: T;
  #text: string | undefined;
  constructor(value: T) {
    this.value = value;
  }
  get text(): string {
    this.#text ??= JSON.stringify(this.value) ?? 'null';
    return this.#text;
  }
  /** Inside another value it is what it holds. */
  toJSON(): T {
    return this.value;
  }
}

export const jsonOf = (value: unknown): string => (value instanceof JsonOnce ? value.text : (JSON.stringify(value) ?? 'null'));
