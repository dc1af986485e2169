// A gate in front of expensive work: so many run at once, so many wait, and the rest is turned away at the door. A
// queue without an end only moves the failure to later, when everybody has waited for nothing.
//
// scrypt runs on libuv's pool of four threads, and so does every file operation: sixteen hashes at once make one
// `fdatasync` wait for seconds. Behind a gate smaller than the pool the disk always finds a free thread.

import { JotError } from '../lib/errors.ts';

export interface GateOptions {
  /** How many tasks run at once. */
  readonly concurrency: number;
  /** How many may wait. */
  readonly queueMax: number;
}

export class Gate {
  readonly #options: GateOptions;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(options: GateOptions) {
    this.#options = options;
  }

  get running(): number {
    return this.#running;
  }

  get queued(): number {
    return this.#waiting.length;
  }

  /**
   * Runs the task when its turn comes, first in, first out.
   *
   * @throws JotError `unavailable` when the queue is full.
   */
  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#running < this.#options.concurrency) this.#running++;
    else await this.#turn();
    try {
      return await task();
    } finally {
      this.#next();
    }
  }

  #turn(): Promise<void> {
    if (this.#waiting.length >= this.#options.queueMax) {
      throw new JotError('unavailable', 'Too many passwords are being checked right now', {
        retryAfterSeconds: 1,
      });
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  // The place passes to the next in line directly: counting down and up again would let a newcomer slip in between.
  #next(): void {
    const resolve = this.#waiting.shift();
    if (resolve === undefined) this.#running--;
    else resolve();
  }
}
