// Work that comes together is done together, but only so much of it in one turn of the event loop; the rest waits for the next.
// Between two turns sockets are read, written and closed, and what they held is given back: hundreds of dear requests at once would
// otherwise keep everybody waiting for all of them, and all of their answers in memory.
//
// How long a piece takes is known only afterwards, since most of it is done in what it awaits. So the number of pieces goes by how
// long the last ones took: after dear ones it is small, and grows again while they are cheap.

const TURN_MS_MAX = 10;

export interface TurnQueueOptions {
  /** How many pieces are begun in one turn at most. */
  readonly piecesMax: number;
  /** Milliseconds on a clock that only runs forward; default `performance.now`. */
  readonly elapsedMs?: () => number;
}

export class TurnQueue {
  readonly #piecesMax: number;
  readonly #elapsedMs: () => number;
  #waiting: (() => void)[] = [];
  #pieces: number;
  #isPlanned = false;
  #begun = 0;
  #beganMs = 0;

  constructor({ piecesMax, elapsedMs = () => performance.now() }: TurnQueueOptions) {
    this.#piecesMax = piecesMax;
    this.#elapsedMs = elapsedMs;
    this.#pieces = piecesMax;
  }

  /** Calls it in this turn or a later one, in the order in which they came. */
  soon(work: () => void): void {
    this.#waiting.push(work);
    if (!this.#isPlanned) this.#plan();
  }

  /** Resolves when it would be called. */
  next(): Promise<void> {
    return new Promise((resolve) => this.soon(resolve));
  }

  // Two callbacks of the same turn: when the second one is called, all that could be done of the first one's work is done.
  #plan(): void {
    this.#isPlanned = true;
    setImmediate(this.#begin);
    setImmediate(this.#look);
  }

  readonly #begin = (): void => {
    this.#beganMs = this.#elapsedMs();
    const now = this.#waiting.length <= this.#pieces ? this.#waiting : this.#waiting.slice(0, this.#pieces);
    this.#waiting = this.#waiting.slice(now.length);
    this.#begun = now.length;
    for (const work of now) work();
  };

  readonly #look = (): void => {
    const tookMs = this.#elapsedMs() - this.#beganMs;
    const inTime = tookMs > 0 ? Math.floor((this.#begun * TURN_MS_MAX) / tookMs) : this.#piecesMax;
    this.#pieces = Math.max(1, Math.min(inTime, 2 * this.#pieces, this.#piecesMax));
    this.#isPlanned = false;
    if (this.#waiting.length > 0) this.#plan();
  };
}
