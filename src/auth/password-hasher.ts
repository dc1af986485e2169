// Password hashing as the server uses it: at one cost, through one gate, and with the same work for a user who does not
// exist as for one who does, so that the time of a refusal tells nothing.
//
// After the cost was changed, hashes of the older one stay until their users sign in, and checking such a hash takes
// another time than any other. So a refusal takes one hash at every cost that is in use: the user's own, and decoys for
// the rest. That is dearer, and ends with the first start at which no older hash is left.

import type { Gate } from './gate.ts';
import { type Cost, costOf, decoy, formatCost, hash, verify } from './password.ts';

export interface Verified {
  readonly ok: boolean;
  /** A hash at today's cost, for one that was right and made at another; else null. */
  readonly renewed: string | null;
}

export class PasswordHasher {
  readonly #cost: Cost;
  readonly #gate: Gate;
  /** By cost, today's first. */
  readonly #decoys: ReadonlyMap<string, string>;

  /** @param inUse The costs of the hashes that there are. */
  constructor(cost: Cost, gate: Gate, inUse: readonly Cost[] = []) {
    this.#cost = cost;
    this.#gate = gate;
    this.#decoys = new Map([cost, ...inUse].map((each) => [formatCost(each), decoy(each)]));
  }

  /** @throws JotError `unavailable` when too many are waiting. */
  hash(password: string): Promise<string> {
    return this.#gate.run(() => hash(password, this.#cost));
  }

  /**
   * Everything in one turn at the gate, so that nobody waits twice.
   *
   * @param phc Null when there is no such user: the answer is no, after the same work.
   * @throws JotError `unavailable` when too many are waiting.
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
