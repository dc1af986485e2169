// Password hashing for the server: at one cost, through one gate, and with the same work whether or
// not the user exists, so that the time of a rejection reveals nothing.
//
// After the cost was changed, hashes of the old cost remain until their users sign in, and checking
// them takes a different time. So a rejection hashes once at every cost in use: at the cost of the
// user's own hash, and with decoys at the others. This extra work ends at the first start that
// finds no older hash. It is bounded: decoys use only the three older costs that most users have.

import type { Gate } from './gate.ts';
import { type Cost, costOf, decoy, formatCost, hash, verify } from './password.ts';

/** Maximum number of costs, besides the configured one, at which a rejection hashes. */
export const OLDER_COSTS_MAX = 3;

export interface Verified {
  readonly ok: boolean;
  /** New hash if the password is right and its hash has another cost; else null. */
  readonly renewed: string | null;
}

export class PasswordHasher {
  readonly #cost: Cost;
  readonly #gate: Gate;
  /** Decoys by cost. */
  readonly #decoys: ReadonlyMap<string, string>;

  /** @param inUse Costs of all stored hashes, most frequent first. */
  constructor(cost: Cost, gate: Gate, inUse: readonly Cost[] = []) {
    this.#cost = cost;
    this.#gate = gate;
    const older = inUse.filter((each) => formatCost(each) !== formatCost(cost)).slice(0, OLDER_COSTS_MAX);
    this.#decoys = new Map([cost, ...older].map((each) => [formatCost(each), decoy(each)]));
  }

  /**
   * @param caller Key of the caller's line at the gate: the site of the address, which is harder to
   * change than the account.
   * @throws JotError `unavailable` if too many tasks are waiting.
   */
  hash(password: string, caller: string): Promise<string> {
    return this.#gate.run(caller, () => hash(password, this.#cost));
  }

  /**
   * Verifies a password within one task at the gate, so that no request waits twice.
   *
   * @param phc Null if there is no such user. For null, and for a hash that is malformed or too
   * expensive, the result is not `ok`, after the same work.
   * @throws JotError `unavailable` if too many tasks are waiting.
   */
  verify(password: string, phc: string | null, caller: string): Promise<Verified> {
    return this.#gate.run(caller, () => this.#verify(password, phc));
  }

  async #verify(password: string, phc: string | null): Promise<Verified> {
    const cost = phc === null ? null : costOf(phc);
    const ownCost = formatCost(cost ?? this.#cost);
    const own = cost === null ? this.#decoys.get(ownCost) : phc;
    const { ok, stale } = await verify(password, own ?? '', this.#cost);
    if (ok) return { ok, renewed: stale ? await hash(password, this.#cost) : null };
    for (const [other, phcOfNone] of this.#decoys) {
      if (other !== ownCost) await verify(password, phcOfNone, this.#cost);
    }
    return { ok, renewed: null };
  }
}
