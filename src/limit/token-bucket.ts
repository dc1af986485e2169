// A token bucket for each key: it holds up to `capacity` tokens and refills evenly; a request takes
// a token or is rejected. This allows a burst of the whole capacity, and a steady rate after it.
//
// No timer refills a bucket. Its state is two numbers: the time until it is full, and when that was
// computed. Elapsed time shortens the first; taking a token lengthens it by the time in which one
// token is refilled. A request is allowed if the bucket then needs no longer than an empty one.
// This is the "generic cell rate algorithm" of ITU-T I.371. One number would do, the moment at
// which the bucket is full, but a double as large as a date is too coarse to add fractions of a
// millisecond to.
//
// Memory is bounded, and a flood of new keys cannot refill a bucket. A full bucket says no more
// than a missing one, so a sweep drops it; any other bucket is evidence and is kept. While there is
// no room, new keys share one bucket, and a key that later gets its own starts with the tokens left
// in the shared one. So no key gets more tokens than its own bucket would allow. A key gets fewer
// only while an attacker keeps nearly every bucket from filling up, which takes one request per
// bucket in the time in which one token is refilled.

import { checkedClock } from '../lib/clock.ts';

const KEYS_MAX = 100_000;
// Number of buckets checked for each new key; more than one, so that full buckets are dropped
// faster than new ones are added.
const SWEEP_MAX = 8;
// Far above the rounding errors of fractions of a millisecond, far below a step of the clock and a token.
const ROUNDING_MS_MAX = 1e-3;
const ROUNDING_TOKENS = 1e-4;

/** `1` and `'1'` are two keys. */
export type BucketKey = string | number;

export interface TokenBucketOptions {
  /** Tokens in a full bucket: a positive number. */
  readonly capacity: number;
  /** Tokens refilled in a second. */
  readonly refillPerSecond: number;
  /** Maximum number of keys with buckets of their own; further keys share one. Default 100,000. */
  readonly maxKeys?: number;
  /** Milliseconds since the epoch; default `Date.now`. */
  readonly now?: () => number;
}

export interface Take {
  readonly allowed: boolean;
  /** Whole tokens left. */
  readonly remaining: number;
  /** Seconds until the same take would be allowed; 0 if it was, Infinity if it never can be. */
  readonly retryAfterSeconds: number;
  /** Seconds until the bucket is full. */
  readonly resetSeconds: number;
}

/**
 * Time until the bucket was full, and when that was computed. Updated in place, which is cheaper
 * than a new object.
 */
interface Level {
  msToFull: number;
  atMs: number;
}

export class TokenBucket {
  readonly #msPerToken: number;
  readonly #msWhenEmpty: number;
  readonly #roundingMs: number;
  readonly #maxKeys: number;
  readonly #now: () => number;
  readonly #levels = new Map<BucketKey, Level>();
  readonly #strangers: Level = { msToFull: 0, atMs: 0 };
  #sweep = this.#levels.entries();

  /**
   * @throws RangeError unless capacity and refill are positive and finite, and `maxKeys` is a
   * positive integer; TypeError for a clock that does not return a finite number.
   */
  constructor({ capacity, refillPerSecond, maxKeys = KEYS_MAX, now = () => Date.now() }: TokenBucketOptions) {
    const isPositive = capacity > 0 && refillPerSecond > 0;
    if (!isPositive || !Number.isFinite(capacity + refillPerSecond)) {
      const got = `${capacity} and ${refillPerSecond}`;
      throw new RangeError(`Cannot create a token bucket: capacity and refill must be positive; got ${got}`);
    }
    if (!Number.isSafeInteger(maxKeys) || maxKeys < 1) {
      throw new RangeError(
        `Cannot create a token bucket: maxKeys must be a positive integer; got ${maxKeys}`,
      );
    }
    this.#msPerToken = 1000 / refillPerSecond;
    this.#msWhenEmpty = capacity * this.#msPerToken;
    this.#roundingMs = Math.min(ROUNDING_MS_MAX, this.#msPerToken * ROUNDING_TOKENS);
    this.#maxKeys = maxKeys;
    this.#now = checkedClock(now);
  }

  /** Number of keys with buckets of their own. */
  get size(): number {
    return this.#levels.size;
  }

  /**
   * Takes `cost` tokens from the key's bucket, or none of them.
   *
   * @throws RangeError for a negative cost.
   */
  take(key: BucketKey, cost = 1): Take {
    if (!(cost >= 0)) throw new RangeError(`Cannot take tokens: cost must not be negative; got ${cost}`);
    const atMs = this.#now();
    const level = this.#levels.get(key) ?? this.#levelOfNew(key, atMs);
    bringUpTo(atMs, level);
    const afterMs = level.msToFull + cost * this.#msPerToken;
    const allowed = afterMs <= this.#msWhenEmpty + this.#roundingMs;
    if (allowed) level.msToFull = afterMs;
    return this.#describe(allowed, level.msToFull, afterMs);
  }

  /**
   * Puts tokens back, after a take that turned out to be free.
   *
   * @throws RangeError for a negative cost.
   */
  give(key: BucketKey, cost = 1): void {
    if (!(cost >= 0)) throw new RangeError(`Cannot give tokens: cost must not be negative; got ${cost}`);
    const level = this.#levels.get(key) ?? this.#strangers;
    level.msToFull = Math.max(0, level.msToFull - cost * this.#msPerToken);
  }

  #levelOfNew(key: BucketKey, atMs: number): Level {
    this.#dropFull(atMs);
    if (this.#levels.size >= this.#maxKeys) return this.#strangers;
    bringUpTo(atMs, this.#strangers);
    const level = { ...this.#strangers };
    this.#levels.set(key, level);
    return level;
  }

  // An iterator of a Map also reaches entries that are added later, so the sweep comes to every bucket.
  #dropFull(atMs: number): void {
    for (let looked = 0; looked < SWEEP_MAX; looked++) {
      const { done, value } = this.#sweep.next();
      if (done) {
        this.#sweep = this.#levels.entries();
        return;
      }
      const [key, level] = value;
      bringUpTo(atMs, level);
      if (level.msToFull === 0) this.#levels.delete(key);
    }
  }

  #describe(allowed: boolean, msToFull: number, wantedMs: number): Take {
    const possible = wantedMs - msToFull <= this.#msWhenEmpty + this.#roundingMs;
    const waitMs = possible ? wantedMs - this.#msWhenEmpty : Number.POSITIVE_INFINITY;
    return {
      allowed,
      remaining: Math.floor((this.#msWhenEmpty - msToFull + this.#roundingMs) / this.#msPerToken),
      retryAfterSeconds: allowed ? 0 : waitMs / 1000,
      resetSeconds: msToFull / 1000,
    };
  }
}

// A clock that was set back changes nothing.
function bringUpTo(nowMs: number, level: Level): void {
  level.msToFull = Math.max(0, level.msToFull - Math.max(0, nowMs - level.atMs));
  level.atMs = nowMs;
}
