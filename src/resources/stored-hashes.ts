// Reads the costs of all stored password hashes at the start. They may differ from today's cost
// after a change of PASSWORD_COST or an import. A failed login hashes at each cost in use, so that
// its time does not reveal which users have older hashes. The file may also hold a hash that never
// verifies, because it was edited or is more expensive than this version accepts. Its user gets the
// response to a wrong password, so the log must warn the operator.

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Gate } from '../auth/gate.ts';
import { type Cost, costOf, formatCost, parseCost } from '../auth/password.ts';
import { OLDER_COSTS_MAX, PasswordHasher } from '../auth/password-hasher.ts';
import type { Log } from '../lib/log.ts';
import type { Page } from '../lib/page.ts';
import type { User } from '../store/collections.ts';
import type { Store } from '../store/store.ts';

const PAGE_LIMIT = 1_000;
const UNUSABLE = '';

export interface StoredHashesOptions {
  readonly store: Store;
  /** The cost of new hashes. */
  readonly cost: Cost;
  readonly gate: Gate;
  readonly log: Log;
}

/** Returns a hasher for the costs in use. Warns of hashes that never verify or have a rare cost. */
export async function openPasswords({
  store,
  cost,
  gate,
  log,
}: StoredHashesOptions): Promise<PasswordHasher> {
  const counts = await countCosts(store);
  const users = counts.get(UNUSABLE);
  if (users !== undefined) {
    log.warn('password hashes are malformed or too expensive, so their users cannot sign in', { users });
  }
  const costs = [...counts]
    .sort(([, one], [, other]) => other - one)
    .flatMap(([text]) => parseCost(text) ?? []);
  const older = costs.filter((each) => formatCost(each) !== formatCost(cost)).length;
  if (older > OLDER_COSTS_MAX) {
    const problem = 'the time of a failed login may reveal users whose hashes are of the rarest costs';
    log.warn(problem, { older_costs: older, hidden: OLDER_COSTS_MAX });
  }
  return new PasswordHasher(cost, gate, costs);
}

/** Returns the number of users by the cost of their hash. */
async function countCosts({ users }: Store): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (let after: number | null = 0; after !== null; ) {
    const { rows, next }: Page<User> = await users.list({ after, limit: PAGE_LIMIT, order: 'asc' });
    for (const { password_hash } of rows) {
      const cost = costOf(password_hash);
      const text = cost === null ? UNUSABLE : formatCost(cost);
      counts.set(text, (counts.get(text) ?? 0) + 1);
    }
    after = next;
    // A million users take seconds. Meanwhile the server already responds that it is starting.
    await nextTurn();
  }
  return counts;
}
