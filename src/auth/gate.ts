// A gate in front of expensive work: so many run at once, so many wait, and the rest is turned away at the door. A
// queue without an end only moves the failure to later, when everybody has waited for nothing. On a slow machine a short
// queue is a long wait, so who has waited too long is turned away too, then and not when the next place is free: what has
// the places may take as long again. One timer does for all, since who came first has waited longest.
//
// scrypt runs on libuv's pool of four threads, and so does every file operation: sixteen hashes at once make one
// `fdatasync` wait for seconds. Behind a gate smaller than the pool the disk always finds a free thread.

import { JotError } from '../lib/errors.ts';

const TOO_MANY = 'Too many passwords are being checked right now';
// The longest that a timer of Node's waits.
const TIMER_MS_MAX = 2 ** 31 - 1;

export interface GateOptions {
  /** How many tasks run at once. */
  readonly concurrency: number;
  /** How many may wait. */
  readonly queueMax: number;
  /** For how long; default: for as long as it takes. */
  readonly waitMsMax?: number;
  /** Milliseconds on a clock that only runs forward; default `performance.now`. */
  readonly elapsedMs?: () => number;
  /**
   * Asked when a task begins; what it gives is asked when the task has ended, and says for how many milliseconds the place stays
   * empty. Default: not at all.
   */
  readonly watch?: () => () => number;
}

interface Waiting {
  readonly sinceMs: number;
  readonly resolve: () => void;
  readonly reject: (error: JotError) => void;
}

export class Gate {
  readonly #options: Required<GateOptions>;
  readonly #waiting: Waiting[] = [];
  /** How many places are taken, by a task or by nobody for a while. */
  #taken = 0;
  #resting = 0;
  #waitMsMax: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: GateOptions) {
    this.#options = {
      waitMsMax: Number.POSITIVE_INFINITY,
      elapsedMs: () => performance.now(),
      watch: () => () => 0,
      ...options,
    };
    this.#waitMsMax = this.#options.waitMsMax;
  }

  get running(): number {
    return this.#taken - this.#resting;
  }

  get queued(): number {
    return this.#waiting.length;
  }

  /**
   * Runs the task when its turn comes, first in, first out.
   *
   * @throws JotError `unavailable` when the queue is full, or too slow.
   */
  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#taken < this.#options.concurrency) this.#taken++;
    else await this.#turn();
    const { elapsedMs, watch } = this.#options;
    let endMs = Number.NEGATIVE_INFINITY;
    let restMs = 0;
    try {
      const restOf = watch();
      try {
        return await task();
      } finally {
        endMs = elapsedMs();
        restMs = restOf();
      }
    } finally {
      // Whatever was thrown, a place is never lost.
      if (restMs > 0) this.#rest(restMs, endMs);
      else this.#next(endMs);
    }
  }

  /** For an end in a short time: whoever waits is turned away now, and whoever still comes waits no longer than that. */
  hurry(reason: string, waitMsMax: number): void {
    this.#waitMsMax = Math.min(this.#waitMsMax, waitMsMax);
    clearTimeout(this.#timer);
    for (const { reject } of this.#waiting.splice(0)) reject(turnedAway(reason));
  }

  #turn(): Promise<void> {
    const { queueMax, elapsedMs } = this.#options;
    if (this.#waiting.length >= queueMax) throw turnedAway(TOO_MANY);
    const sinceMs = elapsedMs();
    return new Promise((resolve, reject) => {
      this.#waiting.push({ sinceMs, resolve, reject });
      if (this.#waiting.length === 1) this.#turnAwayLate(sinceMs);
    });
  }

  #rest(ms: number, nowMs: number): void {
    this.#resting++;
    setTimeout(() => {
      this.#resting--;
      this.#next(nowMs + ms);
    }, ms);
  }

  // The place passes to the next in line directly: counting down and up again would let a newcomer slip in between.
  #next(nowMs: number): void {
    this.#turnAwayLate(nowMs);
    const next = this.#waiting.shift();
    if (next === undefined) this.#taken--;
    else next.resolve();
    if (this.#waiting.length === 0) clearTimeout(this.#timer);
  }

  /** Turns away who has waited too long, and comes back when the next one may have. */
  #turnAwayLate(nowMs: number): void {
    clearTimeout(this.#timer);
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      const leftMs = first.sinceMs + this.#waitMsMax - nowMs;
      if (leftMs >= 0) {
        const { elapsedMs } = this.#options;
        this.#timer = setTimeout(() => this.#turnAwayLate(elapsedMs()), Math.min(leftMs, TIMER_MS_MAX));
        return;
      }
      this.#waiting.shift();
      first.reject(turnedAway(TOO_MANY));
    }
  }
}

function turnedAway(reason: string): JotError {
  return new JotError('unavailable', reason, { retryAfterSeconds: 1 });
}
