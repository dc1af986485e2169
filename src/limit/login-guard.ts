// Slows down password guessing. Failed logins are counted per username and address. They are also
// counted per username from all addresses, at ten times the rate, which slows down a botnet too. A
// single stranger cannot easily lock a user out, and neither can a botnet: at an address where the
// user has signed in before, only the failed logins from there count. The guard remembers such
// users by id, which is never reused, and not by name, which may belong to another user tomorrow.
// An additional address evicts an older address of the same user, not those of other users.
//
// The obvious way counts a failure after the check. Then a hundred concurrent guesses all find the
// bucket full. So an attempt takes its tokens before the password is checked, and gets them back if
// the password was right. If a bucket is empty only because other attempts are still being checked,
// the attempt gets 503, since those may turn out not to fail. Attempts in the bucket of another
// address change no response.
//
// An unknown name is counted like a known one. If all unknown names shared a bucket, other names
// would empty it, and a rejection at the first try would reveal that the name does not exist.

import { hash } from 'node:crypto';
import { BoundedMap } from '../lib/bounded-map.ts';
import { JotError } from '../lib/errors.ts';
import { Limiter, type Rate } from './limiter.ts';

const EVERYWHERE_FACTOR = 10;
// Maximum remembered users, and addresses of each. An address costs its client a login with the
// right password, and so a hash.
const KNOWN_MAX = 10_000;
const KNOWN_PER_USER_MAX = 8;

/** Exactly one of its methods is called once the outcome of the login is known. */
export interface LoginAttempt extends Attempt {
  /** The password was right. */
  succeed(): void;
}

interface Attempt {
  fail(): void;
  /** The attempt was not a failed login. */
  forgive(): void;
}

export class LoginGuard {
  readonly #here: Tally | null;
  readonly #everywhere: Tally | null;
  /** By user id, the addresses of the last logins, newest first. */
  readonly #known = new BoundedMap<number, readonly string[]>(KNOWN_MAX);

  /** @param rate Null disables the guard. */
  constructor(rate: Rate | null, now: () => number) {
    const wide = rate && { tokens: rate.tokens * EVERYWHERE_FACTOR, windowMs: rate.windowMs };
    this.#here = rate && new Tally(new Limiter('login', rate, now));
    this.#everywhere = wide && new Tally(new Limiter('login everywhere', wide, now));
  }

  /** Number of buckets: of names, and of names with an address. */
  get size(): number {
    return (this.#here?.size ?? 0) + (this.#everywhere?.size ?? 0);
  }

  /**
   * @param username Folded, so that another spelling does not bypass the guard.
   * @param userId Id of the user with this name; null if there is none.
   * @throws JotError `rate_limited`, for the right password too; `unavailable` while other
   * attempts are being checked.
   */
  attempt(username: string, addressKey: string, userId: number | null): LoginAttempt {
    // Digests, since a name in a request may be as long as a body.
    const name = hash('sha256', username, 'base64url');
    const known = userId === null ? [] : (this.#known.get(userId) ?? []);
    const isKnown = known.includes(addressKey);
    const counts = [
      this.#here?.begin(`${name} ${addressKey}`),
      isKnown ? undefined : this.#everywhere?.begin(name),
    ];
    const retryAfterSeconds = Math.max(...counts.map((count) => count?.retryAfterSeconds ?? 0));
    const forgive = () => {
      for (const count of counts) count?.forgive();
    };
    if (retryAfterSeconds > 0) {
      forgive();
      throw counts.some((count) => count?.isFinal) ? tooMany(retryAfterSeconds) : undecided();
    }
    const fail = () => {
      for (const count of counts) count?.fail();
    };
    const succeed = () => {
      forgive();
      if (this.#here === null || userId === null) return;
      const others = (this.#known.get(userId) ?? []).filter((other) => other !== addressKey);
      this.#known.set(userId, [addressKey, ...others].slice(0, KNOWN_PER_USER_MAX));
    };
    return { fail, forgive, succeed };
  }
}

/** An attempt in one bucket. */
interface Count extends Attempt {
  /** Until there would be a token; 0 when one was taken. */
  readonly retryAfterSeconds: number;
  /** It was refused, and that is so however those end that are under way. */
  readonly isFinal: boolean;
}

/** The failed logins of one kind. */
class Tally {
  readonly #limiter: Limiter;
  /** By key, how many attempts are being checked. */
  readonly #underWay = new Map<string, number>();

  constructor(limiter: Limiter) {
    this.#limiter = limiter;
  }

  get size(): number {
    return this.#limiter.size;
  }

  begin(key: string): Count {
    const { allowed, retryAfterSeconds } = this.#limiter.take(key);
    if (!allowed) {
      const nothing = () => undefined;
      return { retryAfterSeconds, isFinal: !this.#underWay.has(key), fail: nothing, forgive: nothing };
    }
    this.#add(key, 1);
    const fail = () => this.#add(key, -1);
    const forgive = () => {
      fail();
      this.#limiter.give(key);
    };
    return { retryAfterSeconds: 0, isFinal: false, fail, forgive };
  }

  #add(key: string, difference: 1 | -1): void {
    const count = (this.#underWay.get(key) ?? 0) + difference;
    if (count === 0) this.#underWay.delete(key);
    else this.#underWay.set(key, count);
  }
}

function tooMany(retryAfterSeconds: number): JotError {
  return new JotError('rate_limited', 'Too many failed logins', { retryAfterSeconds });
}

function undecided(): JotError {
  return new JotError('unavailable', 'Other logins with this username are being checked', {
    retryAfterSeconds: 1,
  });
}
