// A token bucket for every key: `capacity` tokens at most, refilled evenly, and a request takes one or is refused. It
// allows a burst of the whole capacity and a steady rate after it.
//
// Nothing ticks. All there is to know of a bucket is how long it needs to be full again, and when that was worked out:
// time brings it closer, taking a token moves it away by the time one token takes to refill, and a request fits if it is
// no further away than a whole bucket. That is the "generic cell rate algorithm" of ITU-T I.371. The moment itself would
// be one number instead of two, but at the size of a date a double is too coarse to add fractions of a millisecond to.
//
// Memory is bounded, and no flood of new keys gives anybody a full bucket back. A full one tells no more than none does,
// so it is dropped when the sweep comes by; any other is evidence, and stays. While there is no room, new keys share one
// bucket, the strangers', and who gets a bucket of its own later begins with what is left in that one. So a key never gets
// more than its own bucket alone would give. It gets less only while nearly every remembered bucket is kept from filling
// up, which takes a request for each of them in the time that one token needs.

const KEYS_MAX = 100_000;
// How many buckets a new key looks at for full ones. Over one, so that they are dropped faster than they come.
const SWEEP_MAX = 8;
// Far above what adding fractions of a millisecond loses, far below a clock's step and below a token.
const ROUNDING_MS_MAX = 1e-3;
const ROUNDING_TOKENS = 1e-4;

/** `1` and `'1'` are two keys. */
export type BucketKey = string | number;

export interface TokenBucketOptions {
  /** Tokens in a full bucket: a positive number. */
  readonly capacity: number;
  /** Tokens that come back in a second. */
  readonly refillPerSecond: number;
  /** How many keys have a bucket of their own; what is more shares one. Default 100,000. */
  readonly maxKeys?: number;
  /** Milliseconds since the epoch; default `Date.now`. */
  readonly now?: () => number;
}

export interface Take {
  readonly allowed: boolean;
  /** Whole tokens left. */
  readonly remaining: number;
  /** Seconds until the same take would be allowed; 0 when it was, Infinity when it never can be. */
  readonly retryAfterSeconds: number;
  /** Seconds until the bucket is full. */
  readonly resetSeconds: number;
}

/** How long the bucket needed to be full, and when. It is changed in place: making and storing another costs more. */
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

  /** @throws RangeError for a capacity or a refill that is not a positive, finite number, or no room for a key. */
  constructor({ capacity, refillPerSecond, maxKeys = KEYS_MAX, now = Date.now }: TokenBucketOptions) {
    const isPositive = capacity > 0 && refillPerSecond > 0;
    if (!isPositive || !Number.isFinite(capacity + refillPerSecond)) {
      throw new RangeError(`A bucket of ${capacity} tokens refilled by ${refillPerSecond}/s is none`);
    }
    if (!Number.isSafeInteger(maxKeys) || maxKeys < 1) {
      throw new RangeError(`There must be room for a key at least, not for ${maxKeys}`);
    }
    this.#msPerToken = 1000 / refillPerSecond;
    this.#msWhenEmpty = capacity * this.#msPerToken;
    this.#roundingMs = Math.min(ROUNDING_MS_MAX, this.#msPerToken * ROUNDING_TOKENS);
    this.#maxKeys = maxKeys;
    this.#now = now;
  }

  /** How many keys have a bucket of their own. */
  get size(): number {
    return this.#levels.size;
  }

  /**
   * Takes `cost` tokens from the key's bucket, or none.
   *
   * @throws RangeError for a negative cost.
   */
  take(key: BucketKey, cost = 1): Take {
    if (!(cost >= 0)) throw new RangeError(`Can't take ${cost} tokens`);
    const atMs = this.#now();
    const level = this.#levels.get(key) ?? this.#levelOfNew(key, atMs);
    bringUpTo(atMs, level);
    const afterMs = level.msToFull + cost * this.#msPerToken;
    const allowed = afterMs <= this.#msWhenEmpty + this.#roundingMs;
    if (allowed) level.msToFull = afterMs;
    return this.#describe(allowed, level.msToFull, afterMs);
  }

  /**
   * Puts back what a take that turned out to be free had taken.
   *
   * @throws RangeError for a negative cost.
   */
  give(key: BucketKey, cost = 1): void {
    if (!(cost >= 0)) throw new RangeError(`Can't give ${cost} tokens`);
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

  // An iterator of a Map goes on to what is added behind it, so it gets round to every bucket.
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

// A clock that was set back brings nothing closer, and nothing further away either.
function bringUpTo(nowMs: number, level: Level): void {
  level.msToFull = Math.max(0, level.msToFull - Math.max(0, nowMs - level.atMs));
  level.atMs = nowMs;
}
