import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type Faults,
  faultyFileSystem,
  HeldSyncs,
  openOn,
  openWithMatt,
  reopen,
  systemError,
} from '../../support/disk/faulty-file-system.ts';
import { namesIn, openFor, outcomesOf, rejects, userNamed } from '../../support/disk/stores.ts';
import { temporaryFolder } from '../../support/disk/temporary-folder.ts';

const NOT_STORED = 'The change could not be stored; nothing was changed';

describe('FileJournal.append with a failing sync', () => {
  it('rejects all writes until a restart, which has exactly the acknowledged ones', async (t) => {
    const faults: Faults = {};
    const opened = await openWithMatt(t, faults);
    const { store, content } = opened;
    const before = content();
    const syncs = new HeldSyncs();
    faults.sync = syncs.sync;
    const first = store.users.create(userNamed('elie'));
    const sync = await syncs.next();
    const waiting = ['tim', 'TIM'].map((name) => store.users.create(userNamed(name)));
    sync.fail(systemError('EIO'));
    await rejects(first, 'unavailable', NOT_STORED);
    assert.deepEqual(await outcomesOf(waiting), ['unavailable', 'unavailable']);

    // The disk may say that all is well from now on; what it lost before, it lost.
    faults.sync = undefined;
    faults.write = () => assert.fail('nothing may be written after a failed sync');
    await rejects(store.users.create(userNamed('tom')), 'unavailable', NOT_STORED);
    await rejects(store.users.create(userNamed('matt')), 'username_taken');
    const reason = 'The disk failed; nothing is written until Jot is restarted';
    assert.deepEqual(await store.status(), { ok: false, reason });
    assert.deepEqual([await namesIn(store), content()], [['matt'], before]);

    const again = await reopen(t, opened);
    assert.deepEqual([await namesIn(again), await again.status()], [['matt'], { ok: true }]);
    assert.equal((await again.users.create(userNamed('tim'))).id, 2);
  });

  it('rejects all writes of the batch', async (t) => {
    const faults: Faults = {};
    const { store } = await openWithMatt(t, faults);
    const syncs = new HeldSyncs();
    faults.sync = syncs.sync;
    const first = store.users.create(userNamed('elie'));
    const sync = await syncs.next();
    const batch = ['tim', 'TIM', 'tom', 'matt'].map((name) => store.users.create(userNamed(name)));
    await sync.finish();
    await first;
    (await syncs.next()).fail(systemError('EIO'));
    assert.deepEqual(new Set(await outcomesOf(batch)), new Set(['unavailable']));
    assert.deepEqual(await namesIn(store), ['matt', 'elie']);
  });

  it('is final also for the sync after a torn end was cut off', async (t) => {
    const faults: Faults = {};
    const { store } = await openWithMatt(t, faults);
    faults.write = () => {
      throw systemError('ENOSPC');
    };
    await rejects(store.users.create(userNamed('elie')), 'unavailable');
    faults.write = undefined;
    faults.sync = () => Promise.reject(systemError('EIO'));
    await rejects(store.compact(), 'unavailable');
    await rejects(store.users.create(userNamed('elie')), 'unavailable');
    faults.sync = undefined;
    await rejects(store.users.create(userNamed('elie')), 'unavailable');
    const reason = 'The disk failed; nothing is written until Jot is restarted';
    assert.deepEqual(await store.status(), { ok: false, reason });
  });
});

describe('openFileStore on a disk on which any one call fails', () => {
  /** Opens, writes a user alone, four that share a batch, and one alone again; gives the names that were acknowledged. */
  async function runOn(path: string, faults: Faults): Promise<string[]> {
    const store = await openOn(faultyFileSystem(faults), path).catch(() => null);
    if (store === null) return [];
    const create = (name: string) => store.users.create(userNamed(name));
    const outcomes: string[] = [];
    for (const names of ['a', 'bcde', 'f']) outcomes.push(...(await outcomesOf([...names].map(create))));
    const acknowledged = [...'abcdef'].filter((_, index) => outcomes[index] === 'done');
    assert.deepEqual(await namesIn(store), acknowledged);
    await store.close();
    return acknowledged;
  }

  it('has exactly the acknowledged writes after a restart', async (t) => {
    let calls = 0;
    let failing = 0;
    const fails = () => ++calls === failing;
    const faults: Faults = {
      write: (file, bytes, position) => {
        if (!fails()) return file.write(bytes, position);
        file.write(bytes.subarray(0, bytes.length >> 1), position);
        throw systemError('EIO');
      },
      sync: async (file) => (fails() ? Promise.reject(systemError('EIO')) : file.sync()),
    };
    const kept: string[] = [];
    do {
      failing++;
      calls = 0;
      const path = `${temporaryFolder(t)}/jot.jsonl`;
      const acknowledged = await runOn(path, faults);
      assert.deepEqual(await namesIn(await openFor(t, `file:${path}`)), acknowledged, `call ${failing}`);
      kept.push(acknowledged.join(''));
    } while (calls >= failing);
    // Write and sync in turn: of the first line, of a, of b to e, of f; and at last none that fails.
    assert.deepEqual(kept, ['', '', 'bcdef', '', 'af', 'a', 'abcde', 'abcde', 'abcdef']);
  });
});
