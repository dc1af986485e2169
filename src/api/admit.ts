// The limiter's place in the journey: before any work is done, and before anything is refused for another reason, so that
// guessing costs as much as asking.

import { addressKey } from '../http/address.ts';
import type { HeaderList } from '../http/reply.ts';
import { wholeSeconds } from '../lib/duration.ts';
import { JotError } from '../lib/errors.ts';
import type { Charge, Limiter } from '../limit/limiter.ts';
import { type Admitted, type Identified, toAdmitted } from './journey.ts';

export interface AdmitOptions {
  /** Every call, by user or else by address; null when it is off. */
  readonly byCaller: Limiter | null;
  /** Calls that make or check passwords and tokens, by address; null when it is off. */
  readonly byAddress: Limiter | null;
}

export function createAdmit({ byCaller, byAddress }: AdmitOptions) {
  return (identified: Identified): Admitted => {
    const { endpoint, caller, address, trace } = identified;
    const addressIs = `address ${addressKey(address)}`;
    const callerIs = caller.principal === null ? addressIs : `user ${caller.principal.user.id}`;
    const buckets: [Limiter | null, string][] = [];
    if (endpoint.limit !== 'free') buckets.push([byCaller, callerIs]);
    if (endpoint.limit === 'default and auth') buckets.push([byAddress, addressIs]);

    const { charges, refused } = chargeAll(buckets);
    const admitted = toAdmitted(identified, charges);
    trace?.because(
      charges.map(({ name, remaining, rate }) => `${name} ${remaining} of ${rate.tokens}`).join(', '),
    );
    if (refused !== null) {
      const { tokens, windowMs } = refused.rate;
      throw new JotError(
        'too_many_requests',
        `The limit is ${tokens} requests in ${windowMs / 1000} seconds`,
        {
          retryAfterSeconds: refused.retryAfterSeconds,
        },
      );
    }
    return admitted;
  };
}

/**
 * Takes a token from every bucket or from none: what one refuses must not have cost anything in another.
 *
 * @returns what is left in each, and of those that refused the one that does so for longest.
 */
function chargeAll(buckets: readonly [Limiter | null, string][]): {
  charges: Charge[];
  refused: Charge | null;
} {
  const takes = buckets.flatMap(([limiter, key]) => {
    return limiter === null ? [] : [{ limiter, key, charge: limiter.take(key) }];
  });
  const refusals = takes.map(({ charge }) => charge).filter(({ allowed }) => !allowed);
  const [first, ...others] = refusals;
  if (first === undefined) return { charges: takes.map(({ charge }) => charge), refused: null };
  for (const { limiter, key, charge } of takes) if (charge.allowed) limiter.give(key);
  const refused = others.reduce(
    (one, other) => (other.retryAfterSeconds > one.retryAfterSeconds ? other : one),
    first,
  );
  return { charges: takes.map(({ limiter, key }) => limiter.look(key)), refused };
}

/** The same refusal, but with a time after which no other bucket refuses either: this request may have emptied one. */
export function untilAllAllow({ code, message, details }: JotError, charges: readonly Charge[]): JotError {
  const waits = charges
    .filter(({ remaining }) => remaining === 0)
    .map(({ nextTokenSeconds }) => nextTokenSeconds);
  const retryAfterSeconds = Math.max(details.retryAfterSeconds ?? 0, ...waits);
  return new JotError(code, message, { ...details, retryAfterSeconds });
}

/**
 * What a client is told of its buckets: the IETF draft "RateLimit header fields for HTTP", and for the one closest to
 * empty the older headers that Flask-Limiter sends.
 *
 * @param nowMs Since the epoch.
 */
export function rateLimitHeaders(charges: readonly Charge[], nowMs: number): HeaderList {
  const [first, ...others] = charges;
  if (first === undefined) return [];
  const share = ({ remaining, rate }: Charge) => remaining / rate.tokens;
  const closest = others.reduce((best, other) => (share(other) < share(best) ? other : best), first);
  const state = (each: Charge) =>
    `"${each.name}";r=${each.remaining};t=${wholeSeconds(each.nextTokenSeconds)}`;
  return [
    ...['RateLimit-Policy', charges.map(({ policy }) => policy).join(', ')],
    ...['RateLimit', charges.map(state).join(', ')],
    ...['X-RateLimit-Limit', String(closest.rate.tokens)],
    ...['X-RateLimit-Remaining', String(closest.remaining)],
    ...['X-RateLimit-Reset', String(wholeSeconds(nowMs / 1000 + closest.resetSeconds))],
  ];
}
