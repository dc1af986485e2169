// The limiter's place in the journey: before any work is done, and before anything is refused for another reason, so that
// guessing costs as much as asking.

import { addressKey } from '../http/address.ts';
import type { HeaderList } from '../http/reply.ts';
import { wholeSeconds } from '../lib/duration.ts';
import { JotError } from '../lib/errors.ts';
import type { Charge, Limiter, Limiters } from '../limit/limiter.ts';
import { limits } from '../limit/limits.ts';
import type { BucketKey } from '../limit/token-bucket.ts';
import type { ChargedLimit } from './endpoint.ts';
import { type Admitted, advance, type Identified } from './journey.ts';

export interface AdmitOptions {
  readonly limiters: Limiters;
}

/** One bucket that a call is charged to. */
interface Bucket {
  readonly limiter: Limiter;
  readonly key: BucketKey;
}

export function createAdmit({ limiters }: AdmitOptions) {
  return (identified: Identified): Admitted => {
    const buckets = bucketsOf(identified, limiters);
    const taken = buckets.map(({ limiter, key }) => limiter.take(key));
    const refused = longestRefusal(taken);
    const charges = refused === null ? taken : giveBack(buckets, taken);
    const admitted = advance(identified, { charges });
    identified.trace?.because(
      charges.map(({ name, remaining, rate }) => `${name} ${remaining} of ${rate.tokens}`).join(', '),
    );
    if (refused !== null) throw tooMany(refused);
    return admitted;
  };
}

// A user's key is a number and an address's is text, so neither is taken for the other.
function bucketsOf({ endpoint, query, caller, address }: Identified, limiters: Limiters): Bucket[] {
  const buckets: Bucket[] = [];
  for (const charged of endpoint.limits) {
    const name = typeof charged === 'string' ? charged : charged.limit;
    const limiter = limiters.get(name);
    if (limiter === undefined || !applies(charged, query)) continue;
    const userId = limits[name].charges === 'caller' ? caller.principal?.user.id : undefined;
    buckets.push({ limiter, key: userId ?? addressKey(address) });
  }
  return buckets;
}

// Lenient, unlike the parser that validation uses: a malformed query is charged, then rejected.
function applies(charged: ChargedLimit, query: string): boolean {
  return typeof charged === 'string' || new URLSearchParams(query).has(charged.ifQuery);
}

function longestRefusal(charges: readonly Charge[]): Charge | null {
  let longest: Charge | null = null;
  for (const charge of charges) {
    if (charge.retryAfterSeconds > (longest?.retryAfterSeconds ?? 0)) longest = charge;
  }
  return longest;
}

/** What one bucket refuses must not have cost anything in another. @returns what is left in each. */
function giveBack(buckets: readonly Bucket[], taken: readonly Charge[]): Charge[] {
  return buckets.map(({ limiter, key }, index) => {
    if (taken[index]?.allowed) limiter.give(key);
    return limiter.look(key);
  });
}

function tooMany({ rate: { tokens, windowMs }, retryAfterSeconds }: Charge): JotError {
  const message = `The limit is ${tokens} requests in ${windowMs / 1000} seconds`;
  return new JotError('too_many_requests', message, { retryAfterSeconds });
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
  const [first] = charges;
  if (first === undefined) return [];
  let closest = first;
  let policies = first.policy;
  let states = stateOf(first);
  for (const charge of charges.slice(1)) {
    if (shareOf(charge) < shareOf(closest)) closest = charge;
    policies += `, ${charge.policy}`;
    states += `, ${stateOf(charge)}`;
  }
  return [
    'RateLimit-Policy',
    policies,
    'RateLimit',
    states,
    'X-RateLimit-Limit',
    String(closest.rate.tokens),
    'X-RateLimit-Remaining',
    String(closest.remaining),
    'X-RateLimit-Reset',
    String(wholeSeconds(nowMs / 1000 + closest.resetSeconds)),
  ];
}

function stateOf({ name, remaining, nextTokenSeconds }: Charge): string {
  return `"${name}";r=${remaining};t=${wholeSeconds(nextTokenSeconds)}`;
}

function shareOf({ remaining, rate }: Charge): number {
  return remaining / rate.tokens;
}
