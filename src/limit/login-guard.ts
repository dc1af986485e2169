// Slows down the guessing of passwords. Failed logins are counted per username and address, and per username from all
// addresses with ten times the rate: that slows a botnet too, and a single stranger can't easily lock a user out. Nor can a
// botnet: at an address where a user has signed in before, only the failed logins from there count. The guard remembers
// such users by id, which is never reused, not by name, which may be another user's tomorrow.
//
// An attempt takes its tokens before the password is checked and gets them back if it was right. If they were counted
// afterwards, a hundred concurrent guesses would all find the bucket full. An attempt that finds a bucket empty only because
// others on it are still being checked gets 503, since it is unknown whether those fail. Attempts in the bucket of another
// address change no response.
//
// An unknown name is counted like any other. If all unknown names shared a bucket, a name that was never tried before would
// be refused as soon as enough others were, and so be known not to exist.

import { hash } from 'node:crypto';
import { BoundedMap } from '../lib/bounded-map.ts';
import { JotError } from '../lib/errors.ts';
import { Limiter, type Rate } from './limiter.ts';

const EVERYWHERE_FACTOR = 10;
// Each entry has cost a login with the right password, and a hash.
const KNOWN_MAX = 10_000;

/** Exactly one of its methods is called once the outcome of the login is known. */
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
   * @throws JotError `too_many_requests`, for the right password too; `unavailable` while other attempts are being checked.
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
