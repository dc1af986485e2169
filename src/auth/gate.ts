// A gate in front of expensive work. The obvious solution is a queue, but an unbounded queue only
// postpones the failure: every caller waits, and in the end all of them time out. So a fixed number
// of tasks run concurrently, a fixed number wait, and each waits for a limited time. All others get
// 503 and can retry.
//
// Passwords need it most. scrypt runs on libuv's pool of four threads, and so does every file
// operation: sixteen concurrent hashes delay one `fdatasync` by seconds. With a gate smaller than
// the pool, the disk always finds a free thread.

import { JotError } from '../lib/errors.ts';

const QUEUE_MAX = 64;
// Well below `stallMs`, after which a stalled connection is cut: the client should get a response
// with the reason.
const WAIT_MS_MAX = 15_000;
const TOO_MANY = 'Too many passwords are being checked right now';

export interface GateOptions {
  /** Maximum number of concurrent tasks. */
  readonly concurrency: number;
  /** Maximum number of waiting tasks; default 64. */
  readonly queueMax?: number;
  /** Maximum wait of a task in milliseconds; default 15,000. */
  readonly waitMsMax?: number;
}

interface Waiting {
  readonly enter: () => void;
  readonly turnAway: (reason: string) => void;
}

export class Gate {
  readonly #concurrency: number;
  readonly #queueMax: number;
  /** Waiting tasks in order of arrival. */
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
   * Runs the task as soon as fewer than `concurrency` tasks run; first in, first out.
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

  /**
   * Rejects all waiting tasks and shortens the wait of later ones; called when the server is
   * closing.
   */
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

  // The place passes directly to the next in line. Decrementing and incrementing the count would
  // let a newcomer overtake it.
  #next(): void {
    const [next] = this.#waiting;
    if (next === undefined) this.#running--;
    else next.enter();
  }
}

function unavailable(reason: string): JotError {
  return new JotError('unavailable', reason, { retryAfterSeconds: 1 });
}
