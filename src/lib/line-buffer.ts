// Writes the lines of one event-loop turn in a single call. The obvious way, a system call per
// line, would cost more than the request that the line describes. Lines are delayed by one turn at
// most, and the buffer never holds the lines of more than one turn.

export class LineBuffer {
  readonly #write: (text: string) => void;
  #text = '';

  /** @param write Called with whole lines. */
  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  /** Adds a line, its newline included. */
  readonly add = (line: string): void => {
    if (this.#text === '') setImmediate(this.flush);
    this.#text += line;
  };

  /** Writes the waiting lines. Must be called before the process ends. */
  readonly flush = (): void => {
    if (this.#text === '') return;
    const text = this.#text;
    this.#text = '';
    this.#write(text);
  };
}
