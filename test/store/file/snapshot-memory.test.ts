import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { realFileSystem } from '../../../src/store/file/file-system.ts';
import { load } from '../../../src/store/file/load.ts';
import { Tables } from '../../../src/store/memory/tables.ts';
import type { Id } from '../../../src/store/open.ts';
import { type Faults, openWithMatt, reopen } from '../../support/disk/faulty-file-system.ts';
import { everythingIn, postOf } from '../../support/disk/stores.ts';

const POSTS = 32;
const LONG = 'x'.repeat(60_000);
// Four long posts are one piece of a snapshot.
const PIECES = POSTS / 4 - 1;

describe('Store.compact while posts that it has copied shrink, and later ones grow', () => {
  it('leaves a file whose load takes no more memory than the store did', async (t) => {
    const faults: Faults = {};
    const opened = await openWithMatt(t, faults);
    const { store, path } = opened;
    for (const body of [LONG, 'short']) {
      for (let count = 0; count < POSTS; count++) await store.posts.create({ ...postOf(1), body });
    }
    const most = (await store.usage()).bytes.used;
    const swap = async (ids: readonly Id[]) => {
      for (const id of ids) await store.posts.update(id, { body: 'short' });
      for (const id of ids) await store.posts.update(POSTS + id, { body: LONG });
    };
    let pieces = 0;
    faults.writeAsync = async (file, bytes, position) => {
      if (++pieces === PIECES) await swap(Array.from({ length: 4 * PIECES }, (_, index) => 1 + index));
      return file.writeAsync(bytes, position);
    };
    await store.compact();
    assert.ok(pieces > PIECES, `${pieces}`);
    const file = await realFileSystem.open(path, 'read');
    const { peakBytes } = await load(file, path, new Tables()).finally(() => file.close());
    assert.ok(peakBytes <= most, `${peakBytes} bytes to load ${most}`);
    const before = await everythingIn(store);
    assert.deepEqual(await everythingIn(await reopen(t, opened)), before);
  });
});
