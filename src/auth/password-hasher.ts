// Password hashing for the server: at one cost, through one gate, and with the same work whether or
// not the user exists, so that the time of a rejection reveals nothing.
//
// After the cost was changed, hashes of the old cost remain until their users sign in, and checking
// them takes a different time. So a rejection hashes once at every cost in use: at the cost of the
// user's own hash, and with decoys at the others. This extra work ends at the first start that
// finds no older hash.

import type { Gate } from './gate.ts';
import { type Cost, costOf, decoy, formatCost, hash, verify } from './password.ts';

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

  /** @param inUse Costs of all stored hashes. */
  constructor(cost: Cost, gate: Gate, inUse: readonly Cost[] = []) {
    this.#cost = cost;
    this.#gate = gate;
    this.#decoys = new Map([cost, ...inUse].map((each) => [formatCost(each), decoy(each)]));
  }

  /**
   * @param caller Key of the caller's line at the gate: the address, since a new address is harder
   * to get than a new account.
   * @throws JotError `unavailable` if too many tasks are waiting.
   */
  hash(password: string, caller: string): Promise<string> {
    return this.#gate.run(caller, () => hash(password, this.#cost));
  }

  /**
   * Verifies a password within one task at the gate, so that no request waits twice.
   *
   * @param phc Null if there is no such user. The result is then not `ok`, after the same work.
   * @throws JotError `unavailable` if too many tasks are waiting.
   */
  verify(password: string, phc: string | null, caller: string): Promise<Verified> {
    return this.#gate.run(caller, () => this.#verify(password, phc));
  }

  async #verify(password: string, phc: string | null): Promise<Verified> {
    const decoys = new Map(this.#decoys);
    const own = phc ?? decoys.get(formatCost(this.#cost)) ?? '';
    const { ok, stale } = await verify(password, own, this.#cost);
    if (ok) return { ok, renewed: stale ? await hash(password, this.#cost) : null };
    const ownCost = costOf(own);
    if (ownCost !== null) decoys.delete(formatCost(ownCost));
    for (const other of decoys.values()) await verify(password, other, this.#cost);
    return { ok, renewed: null };
  }
}
