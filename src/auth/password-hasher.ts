// Password hashing for the server: at one cost, through one gate, and with the same work whether or not the user exists, so that the
// time of a refusal reveals nothing.
//
// After a change of the cost, hashes of the old cost stay until their users sign in, and checking them takes a different time. So a
// refusal hashes once at every cost in use: the user's own, and decoys for the others. That is more expensive, and ends with the first
// start at which no older hash is left.

import type { Gate } from './gate.ts';
import { type Cost, costOf, decoy, formatCost, hash, verify } from './password.ts';

export interface Verified {
  readonly ok: boolean;
  /** A new hash if the password is right but its hash was made at another cost; else null. */
  readonly renewed: string | null;
}

export class PasswordHasher {
  readonly #cost: Cost;
  readonly #gate: Gate;
  /** Decoy by cost. */
  readonly #decoys: ReadonlyMap<string, string>;

  /** @param inUse The costs of all stored hashes. */
  constructor(cost: Cost, gate: Gate, inUse: readonly Cost[] = []) {
    this.#cost = cost;
    this.#gate = gate;
    this.#decoys = new Map([cost, ...inUse].map((each) => [formatCost(each), decoy(each)]));
  }

  /** @throws JotError `unavailable` if too many are waiting. */
  hash(password: string): Promise<string> {
    return this.#gate.run(() => hash(password, this.#cost));
  }

  /**
   * Verifies a password in one turn at the gate, so that no request waits twice.
   *
   * @param phc Null if there is no such user; the result is then not `ok`, after the same work.
   * @throws JotError `unavailable` if too many are waiting.
   */
  verify(password: string, phc: string | null): Promise<Verified> {
    return this.#gate.run(() => this.#verify(password, phc));
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
