// A named set of token buckets, one per key, with the numbers that the RateLimit headers need.

import { parseDuration } from '../lib/duration.ts';
import { type LimitName, limitNames, limits } from './limits.ts';
import { type BucketKey, TokenBucket } from './token-bucket.ts';

const TOKENS_MAX = 1_000_000_000;
const ROUNDING_TOKENS = 1e-6;

/** So many tokens, refilled evenly over the window. */
export interface Rate {
  readonly tokens: number;
  readonly windowMs: number;
}

/** One bucket after one request; times in seconds from now. */
export interface Charge {
  readonly name: string;
  readonly rate: Rate;
  /** The rate as the IETF draft writes it, `"default";q=600;w=60`. */
  readonly policy: string;
  readonly allowed: boolean;
  readonly remaining: number;
  /** Until the refused request would be allowed. */
  readonly retryAfterSeconds: number;
  /** Until the next whole token. */
  readonly nextTokenSeconds: number;
  /** Until the bucket is full. */
  readonly resetSeconds: number;
}

/** `600/m`, `10/15m`, `5/90` (seconds) to a rate; null for anything else. */
export function parseRate(text: string): Rate | null {
  const parts = /^(\d{1,10})\/(.+)$/.exec(text);
  const window = parts?.[2] ?? '';
  const tokens = Number(parts?.[1]);
  const windowMs = parseDuration(/^[smhd]$/.test(window) ? `1${window}` : window);
  if (!(tokens >= 1 && tokens <= TOKENS_MAX) || windowMs === null || windowMs < 1) return null;
  return { tokens, windowMs };
}

/** Rate of each limit; `null` if disabled. */
export type Rates = Readonly<Record<LimitName, Rate | null>>;

export type Limiters = ReadonlyMap<LimitName, Limiter>;

/** Returns a limiter for each limit that requests are charged to, except for disabled ones. */
export function createLimiters(rates: Rates, now: () => number): Limiters {
  const limiters = new Map<LimitName, Limiter>();
  for (const name of limitNames) {
    const rate = rates[name];
    if (rate === null || limits[name].charges === 'failed logins') continue;
    limiters.set(name, new Limiter(name, rate, now));
  }
  return limiters;
}

export class Limiter {
  readonly name: string;
  readonly rate: Rate;
  readonly #policy: string;
  readonly #bucket: TokenBucket;

  /** @param now Milliseconds since the epoch. */
  constructor(name: string, rate: Rate, now: () => number) {
    this.name = name;
    this.rate = rate;
    this.#policy = `"${name}";q=${rate.tokens};w=${Math.ceil(rate.windowMs / 1000)}`;
    const refillPerSecond = rate.tokens / (rate.windowMs / 1000);
    this.#bucket = new TokenBucket({ capacity: rate.tokens, refillPerSecond, now });
  }

  /** How many keys are remembered. */
  get size(): number {
    return this.#bucket.size;
  }

  /** Takes one token, or none; a cost of 0 only reads what is left. */
  take(key: BucketKey, cost: 0 | 1 = 1): Charge {
    const { allowed, remaining, retryAfterSeconds, resetSeconds } = this.#bucket.take(key, cost);
    return {
      name: this.name,
      rate: this.rate,
      policy: this.#policy,
      allowed,
      remaining,
      retryAfterSeconds,
      nextTokenSeconds: this.#untilNextToken(resetSeconds),
      resetSeconds,
    };
  }

  /** Puts one token back. */
  give(key: BucketKey): void {
    this.#bucket.give(key);
  }

  // What is missing to a whole token once all the whole ones that are missing are taken off.
  #untilNextToken(resetSeconds: number): number {
    if (resetSeconds === 0) return 0;
    const tokenSeconds = this.rate.windowMs / 1000 / this.rate.tokens;
    const missing = resetSeconds / tokenSeconds;
    return (missing - Math.ceil(missing - ROUNDING_TOKENS) + 1) * tokenSeconds;
  }
}
