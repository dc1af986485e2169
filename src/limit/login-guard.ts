// Guessing passwords, made slow. Failed logins are counted per username and address; and per username from everywhere,
// with ten times as many, so that a botnet is slowed down too while a single stranger can't easily lock someone out. A botnet
// that means to does not either: at an address where an account has signed in before, only what fails there counts for it. That
// goes by the account's id, which is never reused, not by its name, which may be another user's tomorrow.
//
// An attempt takes its tokens before the password is checked and gets them back if it was right: counted afterwards, a
// hundred guesses at once would all find the bucket full. Attempts that find one empty only because others on the same
// bucket are still being checked are told to come back in a moment: nobody knows yet whether they failed. What goes on in
// the bucket of another address is nobody's business, and changes no answer.
//
// A name that nobody has is counted like any other. Were all of those counted together, one that was never tried before
// would be refused as soon as enough others were, and so be known not to exist.

import { hash } from 'node:crypto';
import { BoundedMap } from '../lib/bounded-map.ts';
import { JotError } from '../lib/errors.ts';
import { Limiter, type Rate } from './limiter.ts';

const EVERYWHERE_FACTOR = 10;
// Each has cost somebody a right password, and a hash.
const KNOWN_MAX = 10_000;

/** What is to be said once it is known how the login ended: one of the three. */
export interface LoginAttempt extends Attempt {
  /** The password was right. */
  succeed(): void;
}

interface Attempt {
  fail(): void;
  /** It was no failed login after all. */
  forgive(): void;
}

export class LoginGuard {
  readonly #here: Tally | null;
  readonly #everywhere: Tally | null;
  /** Ids of users, each with an address from which that user has signed in. */
  readonly #known = new BoundedMap<string, true>(KNOWN_MAX);

  /** @param rate Null switches it off. */
  constructor(rate: Rate | null, now: () => number) {
    const wide = rate && { tokens: rate.tokens * EVERYWHERE_FACTOR, windowMs: rate.windowMs };
    this.#here = rate && new Tally(new Limiter('login', rate, now));
    this.#everywhere = wide && new Tally(new Limiter('login everywhere', wide, now));
  }

  /** How many buckets there are: of names, and of names with an address. */
  get size(): number {
    return (this.#here?.size ?? 0) + (this.#everywhere?.size ?? 0);
  }

  /**
   * @param username Folded, so that spelling it otherwise is no way around.
   * @param userId The user who has this name; null if there is none.
   * @throws JotError `too_many_requests`, for the right password too; `unavailable` while that can't be told.
   */
  attempt(username: string, addressKey: string, userId: number | null): LoginAttempt {
    // Digests, since a name in a request may be as long as a body.
    const name = hash('sha256', username, 'base64url');
    const known = `${userId} ${addressKey}`;
    const isKnown = userId !== null && this.#known.get(known) === true;
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
      if (this.#here !== null && userId !== null) this.#known.set(known, true);
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
  return new JotError('too_many_requests', 'Too many failed logins', { retryAfterSeconds });
}

function undecided(): JotError {
  return new JotError('unavailable', 'Other logins with this username are being checked', {
    retryAfterSeconds: 1,
  });
}
