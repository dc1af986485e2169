// A gate in front of expensive work. The obvious solution, a queue, only postpones the failure when it has no end: every caller waits,
// and all of them give up. So a fixed number of tasks run at the same time, a fixed number wait, and each waits for a limited time.
// All others are turned away with 503 and can come again.
//
// Passwords need it most. scrypt runs on libuv's pool of four threads, and so does every file operation: sixteen hashes at the same
// time make one `fdatasync` wait for seconds. Behind a gate smaller than the pool, the disk always finds a free thread.

import { JotError } from '../lib/errors.ts';

const QUEUE_MAX = 64;
// Well before a stalled connection is cut (`stallMs`): a response with the reason is better than none.
const WAIT_MS_MAX = 15_000;
const TOO_MANY = 'Too many passwords are being checked right now';

export interface GateOptions {
  /** Maximum number of tasks that run at the same time. */
  readonly concurrency: number;
  /** Maximum number of tasks that wait; default 64. */
  readonly queueMax?: number;
  /** Longest time that a task waits; default 15,000. */
  readonly waitMsMax?: number;
}

interface Waiting {
  readonly enter: () => void;
  readonly turnAway: (reason: string) => void;
}

export class Gate {
  readonly #concurrency: number;
  readonly #queueMax: number;
  /** In the order in which they came. */
  readonly #waiting = new Set<Waiting>();
  #waitMsMax: number;
  #running = 0;

  constructor({ concurrency, queueMax = QUEUE_MAX, waitMsMax = WAIT_MS_MAX }: GateOptions) {
    this.#concurrency = concurrency;
    this.#queueMax = queueMax;
    this.#waitMsMax = waitMsMax;
  }

  get running(): number {
    return this.#running;
  }

  get queued(): number {
    return this.#waiting.size;
  }

  /**
   * Runs the task when its turn comes, first in, first out.
   *
   * @throws JotError `unavailable` if the queue is full or the wait too long.
   */
  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#running < this.#concurrency) this.#running++;
    else await this.#turn();
    try {
      return await task();
    } finally {
      this.#next();
    }
  }

  /** Turns away all waiting tasks, and shortens the wait of later ones, because the server is closing. */
  hurry(reason: string, waitMsMax: number): void {
    this.#waitMsMax = Math.min(this.#waitMsMax, waitMsMax);
    for (const { turnAway } of this.#waiting) turnAway(reason);
  }

  #turn(): Promise<void> {
    if (this.#waiting.size >= this.#queueMax) throw unavailable(TOO_MANY);
    return new Promise((resolve, reject) => {
      const leave = () => {
        clearTimeout(timer);
        this.#waiting.delete(waiting);
      };
      const waiting: Waiting = {
        enter() {
          leave();
          resolve();
        },
        turnAway(reason) {
          leave();
          reject(unavailable(reason));
        },
      };
      const timer = setTimeout(waiting.turnAway, this.#waitMsMax, TOO_MANY);
      this.#waiting.add(waiting);
    });
  }

  // The place passes to the next in line directly: counting down and up again would let a newcomer slip in between.
  #next(): void {
    const [next] = this.#waiting;
    if (next === undefined) this.#running--;
    else next.enter();
  }
}

function unavailable(reason: string): JotError {
  return new JotError('unavailable', reason, { retryAfterSeconds: 1 });
}
