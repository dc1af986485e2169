// Work that comes together is done together, but only so much of it in one turn of the event loop; the rest waits for the next.
// Between two turns sockets are read, written and closed, and what they held is given back: a hundred dear requests at once would
// otherwise keep everybody waiting for all of them, and all of their answers in memory.
//
// Each piece is a callback of its own, so that what it awaits goes on before the next one begins.

// A single piece may take longer: it is not interrupted.
const TURN_MS_MAX = 10;

export interface TurnsOptions {
  /** Milliseconds on a clock that only runs forward; default `performance.now`. */
  readonly elapsedMs?: () => number;
}

export class Turns {
  readonly #elapsedMs: () => number;
  /** How many were added since the turn began: Node runs them in the next one. */
  #added = 0;
  #leftOfTurn = 0;
  #turnEndsMs = 0;

  constructor({ elapsedMs = () => performance.now() }: TurnsOptions = {}) {
    this.#elapsedMs = elapsedMs;
  }

  /** Calls it in this turn or a later one, in the order in which they came. */
  soon<T>(work: (of: T) => void, of: T): void {
    this.#added++;
    setImmediate(this.#run, work, of);
  }

  /** Resolves when it would be called. */
  next(): Promise<void> {
    return new Promise((resolve) => this.soon(resolve, undefined));
  }

  readonly #run = <T>(work: (of: T) => void, of: T): void => {
    const nowMs = this.#elapsedMs();
    if (this.#leftOfTurn === 0) {
      this.#leftOfTurn = this.#added;
      this.#added = 0;
      this.#turnEndsMs = nowMs + TURN_MS_MAX;
    }
    this.#leftOfTurn--;
    if (nowMs < this.#turnEndsMs) work(of);
    else this.soon(work, of);
  };
}
