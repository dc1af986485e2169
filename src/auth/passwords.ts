// Password hashing as the server uses it: at one cost, through one gate, and just as slowly for a user who does not exist.

import type { Gate } from './gate.ts';
import { type Cost, decoy, hash, verify } from './password.ts';

export class Passwords {
  readonly #cost: Cost;
  readonly #gate: Gate;
  readonly #decoy: string;

  constructor(cost: Cost, gate: Gate) {
    this.#cost = cost;
    this.#gate = gate;
    this.#decoy = decoy(cost);
  }

  /** @throws JotError `unavailable` when too many are waiting. */
  hash(password: string): Promise<string> {
    return this.#gate.run(() => hash(password, this.#cost));
  }

  /**
   * @param phc Null when there is no such user: the answer is no, after the same time.
   * @throws JotError `unavailable` when too many are waiting.
   */
  verify(password: string, phc: string | null): Promise<{ ok: boolean; stale: boolean }> {
    return this.#gate.run(() => verify(password, phc ?? this.#decoy, this.#cost));
  }
}
