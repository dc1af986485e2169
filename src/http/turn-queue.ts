// Spreads work over turns of the event loop. Requests that arrive together could all be handled in one turn, but between two turns
// Node reads, writes and closes sockets: hundreds of expensive requests in one turn would delay every other client, and all of their
// responses would be in memory together. So each turn starts a bounded number of pieces, in order, and the rest wait for the next.

export class TurnQueue {
  readonly #piecesMax: number;
  readonly #waiting: (() => void)[] = [];

  /** @param piecesMax Maximum number of pieces that start in one turn. */
  constructor(piecesMax: number) {
    this.#piecesMax = piecesMax;
  }

  /** Calls `work` in a later phase of this turn, or in one of the next. */
  soon(work: () => void): void {
    this.#waiting.push(work);
    if (this.#waiting.length === 1) setImmediate(this.#begin);
  }

  /** Resolves when `soon` would call its argument. */
  next(): Promise<void> {
    return new Promise((resolve) => this.soon(resolve));
  }

  readonly #begin = (): void => {
    const now = this.#waiting.splice(0, this.#piecesMax);
    if (this.#waiting.length > 0) setImmediate(this.#begin);
    for (const work of now) work();
  };
}
