import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { CollectionName, Entity } from '../../../src/store/collections.ts';
import { rowBytes } from '../../../src/store/memory/row-bytes.ts';
import { openStore } from '../../../src/store/open.ts';
import { everythingIn, outcomesOf, postOf, sessionOf, userNamed } from '../../support/disk/stores.ts';
import { seededRandom } from '../../support/model/random.ts';

const SEED = 20_261_130;
const ROUNDS = 60;
const WRITES = 20;
const USERS_MAX = 40;
const NO_QUOTA = { max: Number.POSITIVE_INFINITY };

function bytesIn(name: CollectionName, rows: readonly Entity[]): number {
  return rows.reduce((sum, row) => sum + rowBytes(name, row), 0);
}

describe('Usage', () => {
  it('is what the rows add up to, of each user and of all, after random writes', async (t) => {
    const store = await openStore('memory:', { capacity: { rowsPerUser: { posts: 1_000 } } });
    t.after(() => store.close());
    const random = seededRandom(SEED);
    const below = (max: number) => Math.floor(random() * max);
    const anyUser = () => 1 + below(USERS_MAX);
    const longText = () => 'x'.repeat(below(500));
    const writes = [
      () => store.users.create(userNamed(`user ${random()}`)),
      ...[1, 2, 3].map(() => () => store.posts.create({ ...postOf(anyUser()), body: longText() })),
      () => store.posts.update(1 + below(200), { body: longText() }),
      () => store.posts.remove(1 + below(200)),
      () => store.sessions.create(sessionOf(anyUser(), `session ${random()}`)),
      () => store.write([{ discardOwned: 'sessions', owner: anyUser() }]),
      () => (random() < 0.2 ? store.users.remove(anyUser()) : store.users.count()),
    ];
    for (let round = 0; round < ROUNDS; round++) {
      await outcomesOf(
        Array.from({ length: WRITES }, () => writes[below(writes.length)]?.() as Promise<unknown>),
      );
      // The rows of removed users are purged in turns of their own.
      for (let count = 0; count < 3; count++) await turn();
      const [users = [], posts = [], sessions = []] = await everythingIn(store, USERS_MAX);
      assert.equal(
        (await store.usage()).bytes.used,
        bytesIn('users', users) + bytesIn('posts', posts) + bytesIn('sessions', sessions),
      );
      for (let user = 1; user <= USERS_MAX; user++) {
        const own = posts.filter((post) => Reflect.get(post, 'user_id') === user);
        assert.deepEqual(await store.usage(user), {
          posts: { used: own.length, max: 1_000 },
          bytes: { used: bytesIn('posts', own), ...NO_QUOTA },
        });
      }
    }
    assert.ok((await store.posts.count()) > 50);
  });
});
