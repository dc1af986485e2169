// A store on a disk on which one call fails: the first, the second, and so on to the last. After
// each run, the file holds the acknowledged writes and nothing else, and reads never showed
// anything else.

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import type { Log } from '../../src/lib/log.ts';
import { openFileStore } from '../../src/store/file/file-store.ts';
import { type FileSystem, realFileSystem } from '../../src/store/file/file-system.ts';
import type { Store } from '../../src/store/open.ts';
import { type FailingCall, FailingDisk } from '../support/disk/failing-disk.ts';
import { TIME } from '../support/disk/records.ts';
import { userNamed } from '../support/disk/stores.ts';
import { type Cleanup, folderInMemory } from '../support/disk/temporary-folder.ts';
import { type Ran, run, shownBy, stateOf, statesAfter } from '../support/disk/workload.ts';
import { PlainStore } from '../support/model/plain-store.ts';

const silent: Log = { info: () => undefined, warn: () => undefined, error: () => undefined };

// What is set aside is named after the time, so it passes.
let time = TIME;

function open(path: string, fileSystem: FileSystem = realFileSystem): Promise<Store> {
  return openFileStore(path, { now: () => time++, log: silent, fileSystem });
}

/**
 * Returns what this process still holds in a folder: open files, locks, and unfinished data files.
 */
function keptOf(folder: string): string[] {
  const isLinux = existsSync('/proc/self/fd');
  const open = (isLinux ? readdirSync('/proc/self/fd') : []).map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return 'the one that listed them';
    }
  });
  const files = readdirSync(folder).filter((name) => /\.lock-|\.new$|\.aside$/.test(name));
  return [...open.filter((path) => path.startsWith(folder)), ...files];
}

/** The workload on a disk of which a call fails, from the first start to the end. */
async function runOn(path: string, disk: FailingDisk): Promise<Ran> {
  const nothing = new PlainStore();
  const none = { states: [stateOf(nothing)], nextIds: [1], refused: [], model: nothing };
  const store = await open(path, disk.fileSystem).catch(() => null);
  if (store === null) return none;
  const shown: Promise<string>[] = [];
  disk.onCall = () => shown.push(shownBy(store));
  const ran = await run(store, (isFull) => {
    disk.isFull = isFull;
  });
  disk.onCall = () => undefined;
  await store.close().catch((error) => assert.match(error.message, /^E/));
  requireInOrder(await Promise.all(shown), ran.states);
  return ran;
}

/** One run, and the start after it on a disk that is well. @returns the calls that failed. */
async function judge(t: Cleanup, failing: FailingCall, isLying = false): Promise<readonly string[]> {
  const folder = folderInMemory(t);
  const path = `${folder}/jot.jsonl`;
  const disk = new FailingDisk(failing);
  disk.isLying = isLying;
  const { states, refused, model } = await runOn(path, disk);
  const where = `call ${failing.at}, ${disk.failed[0]}`;
  const kept = keptOf(folder).filter((name) => !name.endsWith('.new'));
  assert.deepEqual(kept, [], where);

  const store = await open(path);
  const possible = [states.at(-1), ...(failing.isDead ? statesAfter(model, refused) : [])];
  const shown = await shownBy(store);
  await store.users.create(userNamed('after'));
  await store.close();
  assert.ok(possible.includes(shown), `${where}: not what was acknowledged`);
  assert.deepEqual(keptOf(folder), [], where);
  return disk.failed;
}

/** What reads showed is what was acknowledged by and by, and nothing else. */
function requireInOrder(shown: readonly string[], states: readonly string[]): void {
  let at = 0;
  for (const state of shown) {
    at = states.indexOf(state, at);
    assert.notEqual(at, -1, `reads showed what was never acknowledged: ${state.slice(0, 500)}`);
  }
}

describe('openFileStore on a disk on which any one call fails', () => {
  const writes = ['write', 'writeAsync'];
  const all = ['close', 'list', 'makeFolder', 'open', 'read', 'remove', 'rename', 'size', 'sync'];
  const kinds: readonly (readonly [what: string, kind: Omit<FailingCall, 'at'>, calls: string[]])[] = [
    ['one call with EIO', { failure: 'EIO', isDead: false }, [...all, 'truncate', ...writes]],
    ['one call with ENOSPC', { failure: 'ENOSPC', isDead: false }, [...all, 'truncate', ...writes]],
    ['one write in the middle, without an error', { failure: 'short', isDead: false }, writes],
    ['every call from one on', { failure: 'EIO', isDead: true }, ['isAt', ...all, 'truncate', ...writes]],
    ['a write in the middle and every call after it', { failure: 'short', isDead: true }, writes],
  ];
  for (const [what, kind, calls] of kinds) {
    it(`keeps exactly the acknowledged writes: ${what}`, async (t) => {
      const seen = new Set<string>();
      let at = 1;
      for (let failed = ['']; failed.length > 0; at++) {
        failed = [...(await judge(t, { ...kind, at }))];
        for (const call of failed) seen.add(call);
      }
      const never = calls.filter((call) => !seen.has(call));
      assert.deepEqual(never, [], 'calls that never failed');
      t.diagnostic(`${at - 1} runs`);
    });
  }

  it('would be found to keep a rejected write, on a disk that does not truncate', async (t) => {
    const judgeAll = async () => {
      for (let at = 1; (await judge(t, { failure: 'EIO', isDead: false, at }, true)).length > 0; at++);
    };
    await assert.rejects(judgeAll, /call \d+, sync: not what was acknowledged/);
  });

  it('would be found to return rows that were never acknowledged', () => {
    assert.throws(() => requireInOrder(['a', 'b', 'c'], ['a', 'c']), /never acknowledged: b/);
    assert.throws(() => requireInOrder(['c', 'a'], ['a', 'c']), /never acknowledged: a/);
    requireInOrder(['a', 'a', 'c'], ['a', 'b', 'c']);
  });
});

describe('openFileStore that fails', () => {
  /** A compacted file with a torn end. */
  async function tornFile(path: string): Promise<{ content: Buffer; state: string }> {
    const store = await open(path);
    const { states } = await run(store);
    await store.close();
    const content = Buffer.concat([readFileSync(path), Buffer.from('{"seq":99,"time":')]);
    return { content, state: states.at(-1) ?? '' };
  }

  for (const isDead of [false, true]) {
    it(`leaves the file as it was, ${isDead ? 'with every later call failing too' : 'or works'}`, async (t) => {
      const { content, state } = await tornFile(`${folderInMemory(t)}/jot.jsonl`);
      const good = content.subarray(0, content.lastIndexOf('\n') + 1);
      let refusals = 0;
      for (let at = 1; ; at++) {
        const folder = folderInMemory(t);
        const path = `${folder}/jot.jsonl`;
        writeFileSync(path, content);
        const disk = new FailingDisk({ at, failure: 'EIO', isDead });
        const store = await open(path, disk.fileSystem).catch(() => null);
        if (store !== null) assert.equal(await shownBy(store), state);
        await store?.close().catch(() => undefined);
        if (store === null) refusals++;
        const where = `call ${at}, ${disk.failed[0]}`;
        const kept = keptOf(folder).filter((name) => !isDead || name !== '.jot.jsonl.aside');
        assert.deepEqual(kept, [], where);
        const left = readFileSync(path);
        const aside = readdirSync(folder).find((name) => name.includes('.torn-')) ?? '';
        if (left.equals(good)) {
          assert.deepEqual(readFileSync(`${folder}/${aside}`), content.subarray(good.length), where);
        } else assert.ok(left.equals(content), where);

        const again = await open(path);
        assert.equal(await shownBy(again), state, where);
        await again.close();
        assert.deepEqual(keptOf(folder), [], where);
        if (disk.failed.length === 0) break;
      }
      assert.ok(refusals >= 10, `${refusals}`);
    });
  }
});
