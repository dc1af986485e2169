// What `/readyz` asks of a data file while writes fail. Any client can ask, as often as it likes.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type Faults,
  HeldSyncs,
  openWithMatt,
  reopen,
  systemError,
} from '../../support/disk/faulty-file-system.ts';
import { linesWithUsers } from '../../support/disk/records.ts';
import { namesIn, rejects, userNamed } from '../../support/disk/stores.ts';
import type { Cleanup } from '../../support/disk/temporary-folder.ts';

const IN_TROUBLE = {
  ok: false,
  reason: 'Changes cannot be stored at the moment; the log has the reason',
} as const;
const OK = { ok: true } as const;
const SECOND_MS = 1_000;

/** A store on a disk that has just become full, and the number of attempts to write since. */
async function openFull(t: Cleanup) {
  const faults: Faults = {};
  const opened = await openWithMatt(t, faults);
  const attempts = { count: -1 };
  faults.write = () => {
    attempts.count++;
    throw systemError('ENOSPC');
  };
  await rejects(opened.store.users.create(userNamed('elie')), 'unavailable');
  return { ...opened, faults, attempts };
}

describe('FileJournal.status on a full disk', () => {
  it('is ok again once there is space, without a write, and leaves the file as it was', async (t) => {
    const { store, content, clock, faults } = await openFull(t);
    const before = content();
    assert.deepEqual(await store.status(), IN_TROUBLE);
    faults.write = undefined;
    clock.ms += SECOND_MS;
    assert.deepEqual(await store.status(), OK);
    assert.equal(content(), before);
  });

  it('writes one probe in a second, however often it is called', async (t) => {
    const { store, clock, attempts } = await openFull(t);
    for (let second = 1; second <= 3; second++) {
      const statuses = await Promise.all(Array.from({ length: 8 }, () => store.status()));
      assert.deepEqual(new Set(statuses.map(({ ok }) => ok)), new Set([false]));
      assert.deepEqual(await store.status(), IN_TROUBLE);
      assert.equal(attempts.count, second);
      clock.ms += SECOND_MS;
    }
    clock.ms -= 60 * SECOND_MS;
    await store.status();
    assert.equal(attempts.count, 4, 'a clock that was set back delays no probe');
  });

  it('shares a probe that takes longer than a second', async (t) => {
    const { store, clock, faults } = await openFull(t);
    faults.write = undefined;
    const syncs = new HeldSyncs();
    faults.sync = syncs.sync;
    const first = store.status();
    await (await syncs.next()).finish();
    const sync = await syncs.next();
    clock.ms += SECOND_MS;
    const others = Array.from({ length: 8 }, () => store.status());
    faults.write = () => assert.fail('this is a second probe');
    faults.sync = undefined;
    await sync.finish();
    for (const status of [first, ...others]) assert.deepEqual(await status, OK);
  });

  it('does not probe while a look at the file is in progress: the file would seem to have changed', async (t) => {
    const { store, content, clock, faults } = await openFull(t);
    faults.write = undefined;
    clock.ms += SECOND_MS;
    let status: Promise<unknown> = Promise.resolve();
    let looks = 0;
    faults.size = async (file) => {
      if (looks++ === 0) {
        status = store.status();
        // A probe that does not wait for the look would have written by now.
        await new Promise(setImmediate);
      }
      return file.size();
    };
    await store.users.create(userNamed('tim'));
    assert.ok(looks > 0);
    assert.deepEqual([await status, await store.status()], [OK, OK]);
    assert.equal(content().split('\n').length, 4);
  });

  it('waits for a write in progress, and does not disturb it', async (t) => {
    const { faults, ...opened } = await openFull(t);
    faults.write = undefined;
    const syncs = new HeldSyncs();
    faults.sync = syncs.sync;
    const written = opened.store.users.create(userNamed('tim'));
    await (await syncs.next()).finish();
    const sync = await syncs.next();
    const status = opened.store.status();
    faults.sync = undefined;
    await sync.finish();
    await written;
    assert.deepEqual(await status, OK);
    assert.deepEqual(await namesIn(await reopen(t, opened)), ['matt', 'tim']);
  });

  it('finishes a probe before close releases the file', async (t) => {
    const { faults, ...opened } = await openFull(t);
    faults.write = undefined;
    const syncs = new HeldSyncs();
    faults.sync = syncs.sync;
    const status = opened.store.status();
    const sync = await syncs.next();
    const closing = opened.store.close();
    faults.sync = undefined;
    await sync.finish();
    assert.deepEqual(await status, OK);
    await closing;
    assert.equal(opened.content(), linesWithUsers('matt').join(''));
  });
});

describe('FileJournal.status', () => {
  it('is not ok while the file cannot be looked at, although it could be written', async (t) => {
    const faults: Faults = {};
    const { store, clock } = await openWithMatt(t, faults);
    faults.isAt = () => Promise.reject(systemError('EACCES'));
    for (let second = 0; second < 3; second++) {
      clock.ms += SECOND_MS;
      await rejects(store.users.create(userNamed('elie')), 'unavailable');
      assert.deepEqual(await store.status(), IN_TROUBLE);
    }
    faults.isAt = undefined;
    clock.ms += SECOND_MS;
    assert.deepEqual(await store.status(), OK);
    await store.users.create(userNamed('elie'));
  });

  it('is not ok while a torn end cannot be cut off, although there is space', async (t) => {
    const { store, content, clock, faults } = await openFull(t);
    faults.write = undefined;
    faults.truncate = () => {
      throw systemError('EROFS');
    };
    for (let second = 0; second < 3; second++) {
      assert.deepEqual(await store.status(), IN_TROUBLE);
      clock.ms += SECOND_MS;
    }
    faults.truncate = undefined;
    assert.deepEqual(await store.status(), OK);
    assert.equal(content(), linesWithUsers('matt').join(''));
  });
});
