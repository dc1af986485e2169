// Spreads work over event-loop turns. Node reads, writes and closes sockets only between two turns.
// If all requests that arrive together were handled in one turn, hundreds of expensive ones would
// delay every other client, and all of their responses would be in memory together. So each turn
// starts a bounded number of pieces, in order, and the rest wait for the next turn.

export class TurnQueue {
  readonly #piecesMax: number;
  readonly #waiting: (() => void)[] = [];

  /** @param piecesMax Maximum number of pieces that start in one turn. */
  constructor(piecesMax: number) {
    this.#piecesMax = piecesMax;
  }

  /** Calls `work` in a later phase of this turn, or in a later turn. */
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
