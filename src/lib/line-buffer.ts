// Lines that are written together: all that come while the event loop turns once, in one call. A call to the kernel for each
// line of a log would cost more than everything the line tells of.
//
// What is waiting is written before the next turn, so a reader sees no delay, and there is never more of it than one turn makes.

export class LineBuffer {
  readonly #write: (text: string) => void;
  #text = '';

  /** @param write Takes whole lines. */
  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  /** Takes one line, its newline included. */
  readonly add = (line: string): void => {
    if (this.#text === '') setImmediate(this.flush);
    this.#text += line;
  };

  /** Writes what is waiting, for a process that ends. */
  readonly flush = (): void => {
    if (this.#text === '') return;
    const text = this.#text;
    this.#text = '';
    this.#write(text);
  };
}
