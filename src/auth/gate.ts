// A gate in front of expensive work. The obvious solution is a queue, but an unbounded queue only
// postpones the failure: every caller waits, and in the end all of them time out. So a fixed number
// of tasks run concurrently, a fixed number wait, and each waits for a limited time. All others get
// 503 and can retry.
//
// Passwords need it most. scrypt runs on libuv's pool of four threads, and so does every file
// operation: sixteen concurrent hashes delay one `fdatasync` by seconds. With a gate smaller than
// the pool, the disk always finds a free thread.
//
// In a single queue, a client that sends many requests delays all others and keeps the queue full.
// So each caller has a line of its own, and the lines take turns. If the gate is full, the longest
// line loses its newest task. A caller with one task waits for at most one task of each other
// caller, and is rejected only if every waiting caller has one.

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

/** Waiting tasks in order of arrival. */
type Line = Set<Waiting>;

export class Gate {
  readonly #concurrency: number;
  readonly #queueMax: number;
  /** The lines by caller, in the order of their next turns; none is empty. */
  readonly #lines = new Map<string, Line>();
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
    let queued = 0;
    for (const { size } of this.#lines.values()) queued += size;
    return queued;
  }

  /**
   * Runs the task as soon as fewer than `concurrency` tasks run. The tasks of one caller run in
   * order of arrival.
   *
   * @throws JotError `unavailable` if too many tasks wait and the caller's line is the longest, or
   * if the wait is too long.
   */
  async run<T>(caller: string, task: () => Promise<T>): Promise<T> {
    if (this.#running < this.#concurrency) this.#running++;
    else await this.#turn(caller);
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
    for (const line of this.#lines.values()) for (const { turnAway } of line) turnAway(reason);
  }

  #turn(caller: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const line: Line = this.#lines.get(caller) ?? new Set();
      const leave = () => {
        clearTimeout(timer);
        line.delete(waiting);
        if (line.size === 0) this.#lines.delete(caller);
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
      this.#lines.set(caller, line.add(waiting));
      if (this.queued > this.#queueMax) this.#shorten(line);
    });
  }

  // Among lines of equal length, the newcomer's loses a task, so that no task loses its place to a
  // later one.
  #shorten(newcomers: Line): void {
    let longest = newcomers;
    for (const line of this.#lines.values()) if (line.size > longest.size) longest = line;
    [...longest].at(-1)?.turnAway(TOO_MANY);
  }

  // The place passes directly to the next task. Decrementing and incrementing the count would let a
  // newcomer overtake it.
  #next(): void {
    const [first] = this.#lines;
    if (first === undefined) {
      this.#running--;
      return;
    }
    const [caller, line] = first;
    const [task] = line;
    this.#lines.delete(caller);
    this.#lines.set(caller, line);
    task?.enter();
  }
}

function unavailable(reason: string): JotError {
  return new JotError('unavailable', reason, { retryAfterSeconds: 1 });
}
