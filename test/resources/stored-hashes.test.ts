import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Gate } from '../../src/auth/gate.ts';
import { DEFAULT_COST } from '../../src/auth/password.ts';
import { openPasswords } from '../../src/resources/stored-hashes.ts';
import { type Operation, openStore } from '../../src/store/open.ts';
import { userNamed } from '../support/disk/stores.ts';

const PAGES = 4;

it('openPasswords takes an event-loop turn for each 1,000 users', async (t) => {
  const store = await openStore('memory:');
  t.after(() => store.close());
  const creations = Array.from(
    { length: PAGES * 1_000 },
    (_, index): Operation => ({ create: 'users', values: userNamed(`user ${index}`) }),
  );
  await store.write(creations);
  let turns = 0;
  let isDone = false;
  const count = () => {
    turns++;
    if (!isDone) setImmediate(count);
  };
  setImmediate(count);
  const nothing = () => undefined;
  const log = { info: nothing, warn: nothing, error: nothing };
  await openPasswords({ store, cost: DEFAULT_COST, gate: new Gate({ concurrency: 1 }), log });
  isDone = true;
  assert.ok(turns >= PAGES, `${turns}`);
});
