// Password hashing with scrypt (RFC 7914). A stolen hash should cost its thief as much as possible per guess: scrypt
// needs 16 MiB of memory for each, which graphics cards have little of per core. A salt of its own for every password
// makes each one a separate job.
//
// A hash is kept as a PHC string, `$scrypt$ln=14,r=8,p=5$salt$hash`: the cost travels with it, so the cost can be
// raised later and old hashes still verify, until the next login makes a new one. The base64 is the standard alphabet
// without padding, as passlib writes it.
//
// Left out: pepper, other algorithms, strength meters.

import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';

const SALT_BYTES = 16;
const HASH_BYTES = 32;
// A shorter hash can be found by brute force: an empty hash would match every password.
const HASH_BYTES_MIN = 16;
// scrypt's time grows with the lengths of salt and hash too.
const PART_BYTES_MAX = 64;
// Maximum of N · r · p, so that a hash takes at most about a second (0.9 s on an Intel Xeon, 0.2 s
// at the default cost). Since nothing can interrupt scrypt, neither a login nor the end of the
// process waits longer than that. Memory is bounded as well: 128 · N · r bytes are at most 256 MiB.
const WORK_MAX = 2 ** 21;
// With a smaller N, scrypt's time is spent in PBKDF2, whose work is proportional to r · p.
const WORK_N_MIN = 2 ** 4;

/** scrypt's parameters (RFC 7914 §2): N = 2^ln, block size r, parallelization p. Memory: 128 · N · r bytes. */
export interface Cost {
  readonly ln: number;
  readonly r: number;
  readonly p: number;
}

interface Parts {
  readonly cost: Cost;
  readonly salt: Buffer;
  readonly derived: Buffer;
}

/** OWASP's equal of N=2^17, p=1 that needs 16 MiB instead of 128. */
export const DEFAULT_COST: Cost = { ln: 14, r: 8, p: 5 };

/**
 * Hashes the password's UTF-8.
 *
 * @returns a PHC string.
 * @throws RangeError for a cost that is out of range, or with an N · r · p of more than 2^21.
 */
export async function hash(password: string, cost: Cost = DEFAULT_COST): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const derived = await derive(password, salt, HASH_BYTES, cost);
  return `$scrypt$${formatCost(cost)}$${encode(salt)}$${encode(derived)}`;
}

/**
 * Compares in constant time.
 *
 * @param cost What `hash` would use today.
 * @returns `ok`, and `stale` when the hash was made at another cost and should be made again.
 * @throws TypeError for a malformed PHC string, or one whose cost `hash` would reject: it never
 * verifies.
 */
export async function verify(
  password: string,
  phc: string,
  cost: Cost = DEFAULT_COST,
): Promise<{ ok: boolean; stale: boolean }> {
  const { cost: storedCost, salt, derived } = parsePhc(phc);
  const given = await derive(password, salt, derived.length, storedCost);
  const stale = formatCost(storedCost) !== formatCost(cost);
  return { ok: timingSafeEqual(given, derived), stale };
}

/** Returns the cost of a hash; null for a text that `verify` rejects. */
export function costOf(phc: string): Cost | null {
  return findPhc(phc)?.cost ?? null;
}

/**
 * Returns a PHC string that does not verify against any password, at the same cost as a real one.
 */
export function decoy(cost: Cost): string {
  return `$scrypt$${formatCost(cost)}$${encode(randomBytes(SALT_BYTES))}$${encode(randomBytes(HASH_BYTES))}`;
}

/**
 * Parses `ln=14,r=8,p=5`; returns null if the text is not a cost, or if `hash` would reject the
 * cost.
 */
export function parseCost(text: string): Cost | null {
  const parts = /^ln=(\d{1,2}),r=(\d{1,9}),p=(\d{1,9})$/.exec(text);
  if (parts === null) return null;
  const cost = { ln: Number(parts[1]), r: Number(parts[2]), p: Number(parts[3]) };
  return isUsable(cost) && formatCost(cost) === text ? cost : null;
}

export function formatCost({ ln, r, p }: Cost): string {
  return `ln=${ln},r=${r},p=${p}`;
}

// RFC 7914 §2: N is below 2^(128 r / 8). Its bound on p is far above ours.
function isUsable({ ln, r, p }: Cost): boolean {
  const whole = [ln, r, p].every((value) => Number.isSafeInteger(value) && value >= 1);
  return whole && ln < 16 * r && Math.max(2 ** ln, WORK_N_MIN) * r * p <= WORK_MAX;
}

function derive(password: string, salt: Uint8Array, length: number, cost: Cost): Promise<Buffer> {
  if (!isUsable(cost)) throw new RangeError(`Not a usable scrypt cost: ${formatCost(cost)}`);
  const { ln, r, p } = cost;
  // Node refuses a cost that touches `maxmem`: OpenSSL counts 128·N·r, the p blocks and a little of its own.
  const maxmem = 128 * r * (2 ** ln + p + 32);
  return new Promise((resolve, reject) => {
    scrypt(password, salt, length, { N: 2 ** ln, r, p, maxmem }, (error, derived) => {
      if (error) reject(error);
      else resolve(derived);
    });
  });
}

function parsePhc(phc: string): Parts {
  const parts = findPhc(phc);
  if (parts === null) throw new TypeError('Not a scrypt hash in PHC format');
  return parts;
}

function findPhc(phc: string): Parts | null {
  const texts = /^\$scrypt\$([^$]*)\$([^$]*)\$([^$]*)$/.exec(phc);
  const cost = parseCost(texts?.[1] ?? '');
  const salt = decode(texts?.[2] ?? '');
  const derived = decode(texts?.[3] ?? '');
  const isComplete = cost !== null && salt !== null && derived !== null;
  return isComplete && derived.length >= HASH_BYTES_MIN ? { cost, salt, derived } : null;
}

function encode(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('=', '');
}

function decode(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64');
  return encode(bytes) === text && bytes.length <= PART_BYTES_MAX ? bytes : null;
}
