// The password hashes in the store, as a start finds them. They may be at other costs than today's:
// PASSWORD_COST has changed, or an import brought them. A failed login hashes at each cost in use,
// so that its time does not reveal whose hash is older. The file may also hold a hash that never
// verifies, because it was edited or is more expensive than this version accepts. Its user gets the
// response of a wrong password, so only the log can tell the operator.

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

/** Returns a hasher for the costs in use. Warns of hashes that it cannot verify, or not in the same time. */
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
    // A million users take seconds, in which the server already responds that it is starting.
    await nextTurn();
  }
  return counts;
}
