// Writes the lines of one event-loop turn in one call. A system call for each line of the log would cost more than the request that the
// line describes. A reader sees no delay, and the buffer never holds more than the lines of one turn.

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

  /** Writes the waiting lines; also needed before a process ends. */
  readonly flush = (): void => {
    if (this.#text === '') return;
    const text = this.#text;
    this.#text = '';
    this.#write(text);
  };
}
