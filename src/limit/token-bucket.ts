// A token bucket for every key: `capacity` tokens at most, refilled evenly, and a request takes one or is refused. It
// allows a burst of the whole capacity and a steady rate after it.
//
// Nothing ticks. All there is to know of a bucket is how long it needs to be full again, and when that was worked out:
// time brings it closer, taking a token moves it away by the time one token takes to refill, and a request fits if it is
// no further away than a whole bucket. That is the "generic cell rate algorithm" of ITU-T I.371. The moment itself would
// be one number instead of two, but at the size of a date a double is too coarse to add fractions of a millisecond to.

import { BoundedMap } from '../lib/bounded-map.ts';

const KEYS_MAX = 100_000;
// Far above what adding fractions of a millisecond loses, far below a clock's step and below a token.
const ROUNDING_MS_MAX = 1e-3;
const ROUNDING_TOKENS = 1e-4;

export interface TokenBucketOptions {
  /** Tokens in a full bucket: a positive number. */
  readonly capacity: number;
  /** Tokens that come back in a second. */
  readonly refillPerSecond: number;
  /** How many keys are remembered; past it the one used longest ago starts anew. Default 100,000. */
  readonly maxKeys?: number;
  /** Milliseconds since the epoch; default `Date.now`. */
  readonly now?: () => number;
}

export interface Take {
  readonly allowed: boolean;
  /** Whole tokens left. */
  readonly remaining: number;
  /** Seconds until the same take would be allowed; 0 when it was, Infinity when it never can be. */
  readonly retryAfter: number;
  /** Seconds until the bucket is full. */
  readonly reset: number;
}

/** How long the bucket needed to be full, and when. */
interface Level {
  readonly msToFull: number;
  readonly atMs: number;
}

export class TokenBucket {
  readonly #msPerToken: number;
  readonly #msWhenEmpty: number;
  readonly #roundingMs: number;
  readonly #levels: BoundedMap<string, Level>;
  readonly #now: () => number;

  /** @throws RangeError for a capacity or a refill that is not a positive, finite number. */
  constructor({ capacity, refillPerSecond, maxKeys = KEYS_MAX, now = Date.now }: TokenBucketOptions) {
    const isPositive = capacity > 0 && refillPerSecond > 0;
    if (!isPositive || !Number.isFinite(capacity + refillPerSecond)) {
      throw new RangeError(`A bucket of ${capacity} tokens refilled by ${refillPerSecond}/s is none`);
    }
    this.#msPerToken = 1000 / refillPerSecond;
    this.#msWhenEmpty = capacity * this.#msPerToken;
    this.#roundingMs = Math.min(ROUNDING_MS_MAX, this.#msPerToken * ROUNDING_TOKENS);
    this.#levels = new BoundedMap(maxKeys);
    this.#now = now;
  }

  /** How many keys are remembered. */
  get size(): number {
    return this.#levels.size;
  }

  /**
   * Takes `cost` tokens from the key's bucket, or none.
   *
   * @throws RangeError for a negative cost.
   */
  take(key: string, cost = 1): Take {
    if (!(cost >= 0)) throw new RangeError(`Can't take ${cost} tokens`);
    const atMs = this.#now();
    const beforeMs = this.#msToFull(key, atMs);
    const afterMs = beforeMs + cost * this.#msPerToken;
    const allowed = afterMs <= this.#msWhenEmpty + this.#roundingMs;
    const msToFull = allowed ? afterMs : beforeMs;
    this.#levels.set(key, { msToFull, atMs });
    return this.#describe(allowed, msToFull, afterMs);
  }

  /**
   * Puts back what a take that turned out to be free had taken.
   *
   * @throws RangeError for a negative cost.
   */
  give(key: string, cost = 1): void {
    if (!(cost >= 0)) throw new RangeError(`Can't give ${cost} tokens`);
    const level = this.#levels.peek(key);
    if (level === undefined) return;
    const msToFull = Math.max(0, level.msToFull - cost * this.#msPerToken);
    this.#levels.set(key, { msToFull, atMs: level.atMs });
  }

  // A clock that was set back brings nothing closer, and nothing further away either.
  #msToFull(key: string, now: number): number {
    const level = this.#levels.peek(key);
    if (level === undefined) return 0;
    return Math.max(0, level.msToFull - Math.max(0, now - level.atMs));
  }

  #describe(allowed: boolean, msToFull: number, wantedMs: number): Take {
    const possible = wantedMs - msToFull <= this.#msWhenEmpty + this.#roundingMs;
    const waitMs = possible ? wantedMs - this.#msWhenEmpty : Number.POSITIVE_INFINITY;
    return {
      allowed,
      remaining: Math.floor((this.#msWhenEmpty - msToFull + this.#roundingMs) / this.#msPerToken),
      retryAfter: allowed ? 0 : waitMs / 1000,
      reset: msToFull / 1000,
    };
  }
}
