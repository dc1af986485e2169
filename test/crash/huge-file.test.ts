import assert from 'node:assert/strict';
import { constants } from 'node:buffer';
import { closeSync, openSync, statSync, writeSync } from 'node:fs';
import { describe, it } from 'node:test';
import type { Log } from '../../src/lib/log.ts';
import { openFileStore } from '../../src/store/file/file-store.ts';
import { encodeChange, encodeHeader } from '../../src/store/file/record.ts';
import type { Post } from '../../src/store/open.ts';
import { TIME } from '../support/disk/records.ts';
import { everythingIn, openFor, postOf, userNamed } from '../support/disk/stores.ts';
import { temporaryFolder } from '../support/disk/temporary-folder.ts';

const TEXT = 'x'.repeat(1024 * 1024);
const MEMORY_BYTES_MAX = 600 * 1024 * 1024;

/** A file with one user, and one post that was written again until the file is longer than a string can be. */
function writeHugeFile(path: string): number {
  const file = openSync(path, 'w');
  const next = { users: 1, posts: 1, sessions: 1 };
  let length = writeSync(file, encodeHeader({ seq: 0, next }));
  const user = { id: 1, version: 1, ...userNamed('matt') };
  length += writeSync(file, encodeChange({ seq: 1, time: TIME, changes: [{ put: 'users', row: user }] }));
  let version = 0;
  while (length <= constants.MAX_STRING_LENGTH) {
    version++;
    const row: Post = { id: 1, version, ...postOf(1), body: TEXT };
    length += writeSync(
      file,
      encodeChange({ seq: version + 1, time: TIME, changes: [{ put: 'posts', row }] }),
    );
  }
  closeSync(file);
  return version;
}

describe('openFileStore of a file longer than the longest string', () => {
  it('loads it, compacts it automatically, and loads it again, with little memory', async (t) => {
    const path = `${temporaryFolder(t)}/jot.jsonl`;
    const version = writeHugeFile(path);
    const { size } = statSync(path);
    assert.ok(size > constants.MAX_STRING_LENGTH);
    let compacted: (fields: object | undefined) => void = () => undefined;
    const isCompacted = new Promise<object | undefined>((resolve) => {
      compacted = resolve;
    });
    const log: Log = { info: (_, fields) => compacted(fields), warn: assert.fail, error: assert.fail };
    const store = await openFileStore(path, { now: () => TIME, log });
    const peakBytes = 1024 * process.resourceUsage().maxRSS;
    assert.ok(peakBytes < MEMORY_BYTES_MAX, `${peakBytes}`);
    const before = await everythingIn(store);
    assert.equal((await store.posts.get(1)).version, version);
    await isCompacted;
    await store.close();
    assert.ok(statSync(path).size < 3 * TEXT.length);
    assert.deepEqual(await everythingIn(await openFor(t, `file:${path}`)), before);
  });
});
