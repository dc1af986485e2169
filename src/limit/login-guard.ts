// Guessing passwords, made slow. Failed logins are counted per username and address; and per username from everywhere,
// with ten times as many, so that a botnet is slowed down too while a single stranger can't easily lock someone out.
//
// An attempt takes its tokens before the password is checked and gets them back if it was right: counted afterwards, a
// hundred guesses at once would all find the bucket full. Attempts that find it empty only because others are still being
// checked are told to come back in a moment: nobody knows yet whether they failed.

import { hash } from 'node:crypto';
import { JotError } from '../lib/errors.ts';
import { Limiter, type Rate } from './limiter.ts';

const EVERYWHERE_FACTOR = 10;

/** What is to be said once it is known how the login ended: one of the two. */
export interface LoginAttempt {
  fail(): void;
  /** It was no failed login after all. */
  forgive(): void;
}

export class LoginGuard {
  readonly #here: Limiter | null;
  readonly #everywhere: Limiter | null;
  /** How many attempts on a name are being checked. */
  readonly #underWay = new Map<string, number>();

  /** @param rate Null switches it off. */
  constructor(rate: Rate | null, now: () => number) {
    const wide = rate && { tokens: rate.tokens * EVERYWHERE_FACTOR, windowMs: rate.windowMs };
    this.#here = rate && new Limiter('login', rate, now);
    this.#everywhere = wide && new Limiter('login everywhere', wide, now);
  }

  /** How many names, and names with an address, are remembered. */
  get size(): number {
    return (this.#here?.size ?? 0) + (this.#everywhere?.size ?? 0);
  }

  /**
   * @param username Folded, so that spelling it otherwise is no way around.
   * @throws JotError `too_many_requests`, for the right password too; `unavailable` while that can't be told.
   */
  attempt(username: string, addressKey: string): LoginAttempt {
    // Digests, since a name in a request may be as long as a body.
    const name = hash('sha256', username, 'base64url');
    const buckets = [
      { limiter: this.#here, key: `${name} ${addressKey}` },
      { limiter: this.#everywhere, key: name },
    ];
    const takes = buckets.map(({ limiter, key }) => ({ limiter, key, charge: limiter?.take(key) }));
    const giveBack = () => {
      for (const { limiter, key, charge } of takes) if (charge?.allowed) limiter?.give(key);
    };
    const retryAfterSeconds = Math.max(...takes.map(({ charge }) => charge?.retryAfterSeconds ?? 0));
    if (retryAfterSeconds > 0) {
      giveBack();
      if (this.#underWay.has(name)) {
        throw new JotError('unavailable', 'Other logins of this name are being checked', {
          retryAfterSeconds: 1,
        });
      }
      throw new JotError('too_many_requests', 'Too many failed logins', { retryAfterSeconds });
    }
    this.#count(name, 1);
    const fail = () => this.#count(name, -1);
    const forgive = () => {
      fail();
      giveBack();
    };
    return { fail, forgive };
  }

  #count(name: string, difference: 1 | -1): void {
    const count = (this.#underWay.get(name) ?? 0) + difference;
    if (count === 0) this.#underWay.delete(name);
    else this.#underWay.set(name, count);
  }
}
