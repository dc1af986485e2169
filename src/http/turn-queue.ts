// Spreads work over event-loop turns. Node reads, writes and closes sockets only between two turns.
// If all requests that arrive together were handled in one turn, hundreds of expensive ones would
// delay every other client, and all of their responses would be in memory together. So each turn
// starts pieces of a bounded total weight, in order, and the rest wait for the next turn.

interface Piece {
  readonly work: () => void;
  readonly weight: number;
}

export class TurnQueue {
  readonly #weightMax: number;
  readonly #waiting: Piece[] = [];

  /**
   * @param weightMax Maximum total weight of the pieces that start in one turn. A heavier piece
   * starts alone.
   */
  constructor(weightMax: number) {
    this.#weightMax = weightMax;
  }

  /** Calls `work` in a later phase of this turn, or in a later turn. */
  soon(work: () => void, weight = 1): void {
    this.#waiting.push({ work, weight });
    if (this.#waiting.length === 1) setImmediate(this.#begin);
  }

  /** Resolves when `soon` would call its argument. */
  next(weight = 1): Promise<void> {
    return new Promise((resolve) => this.soon(resolve, weight));
  }

  /**
   * Resolves like `next`, but before work that has not begun. Otherwise all requests of a crowd
   * would hold half-finished results at the same time.
   */
  again(weight = 1): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.unshift({ work: resolve, weight });
      if (this.#waiting.length === 1) setImmediate(this.#begin);
    });
  }

  readonly #begin = (): void => {
    let count = 0;
    for (let weight = 0; count < this.#waiting.length; count++) {
      weight += this.#waiting[count]?.weight ?? 0;
      if (count > 0 && weight > this.#weightMax) break;
    }
    const now = this.#waiting.splice(0, count);
    if (this.#waiting.length > 0) setImmediate(this.#begin);
    for (const { work } of now) work();
  };
}
