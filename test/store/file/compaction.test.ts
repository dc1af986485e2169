import assert from 'node:assert/strict';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { describe, it } from 'node:test';
import { createLog, type Log } from '../../../src/lib/log.ts';
import { openFileStore } from '../../../src/store/file/file-store.ts';
import { type FileSystem, realFileSystem } from '../../../src/store/file/file-system.ts';
import { openStore, type Store } from '../../../src/store/open.ts';
import {
  type Faults,
  faultyFileSystem,
  type Opened,
  openOn,
  openWithMatt,
  reopen,
  systemError,
} from '../../support/disk/faulty-file-system.ts';
import { TIME } from '../../support/disk/records.ts';
import {
  everythingIn,
  namesIn,
  openFor,
  postOf,
  rejects,
  sessionOf,
  userNamed,
} from '../../support/disk/stores.ts';
import { temporaryFolder } from '../../support/disk/temporary-folder.ts';
import { start, typescript } from '../../support/process/command.ts';

const MEDDLED = 'Another program moved or changed the data file; nothing is written until a restart';

const TEXT = 'x'.repeat(1000);
const EVERYTHING = { after: 0, limit: 1000, order: 'asc' } as const;

/** The same post written again and again: all of it but the last is dead. */
async function changePost(store: Store, times: number, body = TEXT): Promise<void> {
  for (let count = 0; count < times; count++) await store.posts.update(1, { body: `${count} ${body}` });
}

async function postsOf(store: Store): Promise<string[]> {
  return (await store.posts.list({ ...EVERYTHING, owner: 1 })).rows.map(({ title }) => title);
}

/** Waits until what the log is asked about was logged. */
function logFor(wanted: RegExp): { log: Log; logged: Promise<string> } {
  let found: (line: string) => void = () => undefined;
  const logged = new Promise<string>((resolve) => {
    found = resolve;
  });
  const note = (message: string, fields?: object) => {
    const line = `${message} ${JSON.stringify(fields)}`;
    if (wanted.test(line)) found(line);
  };
  return { log: { info: note, warn: note, error: note }, logged };
}

describe('Store.compact', () => {
  it('leaves a file with every row once, which opens and accepts writes like the old one', async (t) => {
    const { store, path } = await openWithMatt(t, {});
    await store.posts.create(postOf(1));
    await store.users.create(userNamed('elie'));
    await store.sessions.create(sessionOf(1, 'one'));
    await changePost(store, 50);
    await store.users.remove(2);
    const before = await everythingIn(store);
    const { size } = statSync(path);
    const compaction = await store.compact();
    assert.deepEqual(compaction, { bytesBefore: size, bytesAfter: statSync(path).size });
    assert.equal(readFileSync(path, 'utf8').split('\n').length, 1 + 3 + 1);
    assert.deepEqual(await everythingIn(store), before);

    await store.posts.create(postOf(1, 'After'));
    const again = await reopen(t, { store, path });
    assert.deepEqual(await postsOf(again), ['A title', 'After']);
    assert.equal((await again.users.create(userNamed('elie'))).id, 3, 'ids are not given out again');
  });

  it('keeps concurrent writes, also to rows that are already copied', async (t) => {
    const faults: Faults = {};
    const opened = await openWithMatt(t, faults);
    const { store } = opened;
    for (const name of ['elie', 'tim']) await store.users.create(userNamed(name));
    for (let count = 0; count < 300; count++) {
      await store.posts.create({ ...postOf(1), body: TEXT.repeat(5) });
    }
    let pieces = 0;
    faults.writeAsync = async (file, bytes, position) => {
      pieces++;
      if (pieces === 2) {
        await store.posts.create(postOf(3, 'New'));
        await store.users.update(1, { username: 'matthew' });
        await store.users.update(2, { username: 'matt' });
        await store.posts.remove(1);
        await store.posts.update(300, { title: 'Changed' });
        await store.sessions.create(sessionOf(2, 'one'));
      }
      if (pieces === 3) await store.users.remove(3);
      return file.writeAsync(bytes, position);
    };
    await store.compact();
    assert.ok(pieces > 3, `${pieces}`);
    const before = await everythingIn(store);
    const again = await reopen(t, opened);
    assert.deepEqual(await everythingIn(again), before);
    assert.deepEqual(await namesIn(again), ['matthew', 'matt']);
    assert.equal((await again.users.findBy('username', 'MATT'))?.id, 2);
    assert.equal(await again.posts.count(), 299);
    assert.equal((await again.posts.create(postOf(1))).id, 302);
  });

  it('finishes while writers write without pause, and loses nothing', async (t) => {
    const opened = await openWithMatt(t, {});
    const { store, path } = opened;
    for (let id = 1; id <= 100; id++) await store.posts.create({ ...postOf(1), body: TEXT.repeat(60) });
    const alive = statSync(path).size;
    let isOver = false;
    const last = new Map<number, string>();
    const write = async (id: number) => {
      for (let count = 0; !isOver; count++) {
        const body = `${count} ${TEXT.repeat(60)}`;
        await store.posts.update(id, { body });
        last.set(id, body);
      }
    };
    const writers = Array.from({ length: 100 }, (_, index) => write(index + 1));
    const { bytesAfter } = await store.compact();
    isOver = true;
    await Promise.all(writers);
    assert.ok(bytesAfter < 10 * alive, `${alive} bytes alive, ${bytesAfter} after`);
    const again = await reopen(t, opened);
    for (const [id, body] of last) assert.ok((await again.posts.get(id)).body === body, `${id}`);
    assert.equal(last.size, 100);
  });

  it('runs once for two concurrent calls', async (t) => {
    const { store } = await openWithMatt(t, {});
    const [one, two] = await Promise.all([store.compact(), store.compact()]);
    assert.equal(one, two);
  });

  it('does nothing to a store in memory', async (t) => {
    const store = await openFor(t, 'memory:');
    assert.deepEqual(await store.compact(), { bytesBefore: 0, bytesAfter: 0 });
  });

  it('runs at the request of another process, sent through the lock', async (t) => {
    const { store, path } = await openWithMatt(t, {});
    const { callHolder } = await import('../../../src/control/lock.ts');
    const done = (await callHolder(path, 'compact'))?.response ?? '';
    assert.equal(JSON.parse(done.replace(/^ok /, '')).bytesAfter, statSync(path).size);
    assert.equal((await callHolder(path, 'dance'))?.response, 'no There is no such request');
    await store.close();
    assert.equal(await callHolder(path, 'compact'), null);
  });
});

describe('Compactor: automatic compaction', () => {
  it('starts when more of the file is dead than alive, and is logged', async (t) => {
    const { log, logged } = logFor(/compacted/);
    const path = `${temporaryFolder(t)}/jot.jsonl`;
    const store = await openFileStore(path, { now: () => TIME, log });
    t.after(() => store.close());
    await store.users.create(userNamed('matt'));
    await store.posts.create(postOf(1));
    await changePost(store, 40, TEXT.repeat(50));
    assert.match(
      await logged,
      /^the data file was compacted \{"bytes_before":1\d{6},"bytes_after":\d{5,6}\}$/,
    );
    assert.ok(statSync(path).size < 1024 * 1024);
  });

  it('starts when a file is opened that is mostly dead', async (t) => {
    const path = `${temporaryFolder(t)}/jot.jsonl`;
    const opened = await openOn(
      faultyFileSystem({ writeAsync: () => Promise.reject(systemError('EIO')) }),
      path,
    );
    await opened.users.create(userNamed('matt'));
    await opened.posts.create(postOf(1));
    await changePost(opened, 40, TEXT.repeat(50));
    await opened.close();
    const { size } = statSync(path);
    const { log, logged } = logFor(/compacted/);
    const store = await openFileStore(path, { now: () => TIME, log });
    t.after(() => store.close());
    assert.match(await logged, new RegExp(`"bytes_before":${size}`));
  });

  it('does not start for a small file or one that is mostly alive', async (t) => {
    const small = await openWithMatt(t, {});
    await small.store.posts.create(postOf(1));
    await changePost(small.store, 200);
    const alive = await openWithMatt(t, {});
    for (let count = 0; count < 40; count++) {
      await alive.store.posts.create({ ...postOf(1), body: TEXT.repeat(50) });
    }
    for (const { store, content } of [small, alive]) {
      await store.close();
      assert.match(content(), /^\{"format":"jot","version":3,"schema":\d+,"seq":0,"snapshot":0,/);
    }
  });

  it('is not retried with every write after a failure', async (t) => {
    let attempts = 0;
    const fileSystem: FileSystem = {
      ...realFileSystem,
      open: (path, access) => {
        if (path.endsWith('.new') && access === 'create' && existsSync(path.replace(/\.(.*)\.new$/, '$1'))) {
          attempts++;
          return Promise.reject(systemError('ENOSPC'));
        }
        return realFileSystem.open(path, access);
      },
    };
    const path = `${temporaryFolder(t)}/jot.jsonl`;
    const { log, logged } = logFor(/not compacted/);
    const store = await openFileStore(path, { now: () => TIME, log, fileSystem });
    t.after(() => store.close());
    await store.users.create(userNamed('matt'));
    await store.posts.create(postOf(1));
    await changePost(store, 40, TEXT.repeat(50));
    await store.posts.update(1, { body: '' });
    assert.match(await logged, /^the data file was not compacted .*ENOSPC: no space left on device/);
    const before = attempts;
    await changePost(store, 100, 'short');
    assert.ok(before > 0 && before <= 2 && attempts === before, `${before}, then ${attempts}`);
    assert.deepEqual(await store.status(), { ok: true });
  });

  it('does not start without disk space for a second file, while `compact` still does', async (t) => {
    const fileSystem = { ...realFileSystem, freeBytes: async () => 1024 * 1024 };
    const path = `${temporaryFolder(t)}/jot.jsonl`;
    const { log, logged } = logFor(/not compacted/);
    const store = await openFileStore(path, { now: () => TIME, log, fileSystem });
    t.after(() => store.close());
    await store.users.create(userNamed('matt'));
    await store.posts.create(postOf(1));
    await changePost(store, 40, TEXT.repeat(50));
    assert.match(await logged, /there is no room for a second file/);
    const { bytesBefore, bytesAfter } = await store.compact();
    assert.ok(bytesAfter < bytesBefore / 2);
  });
});

describe('Compactor: automatic compaction without disk space', () => {
  it('looks for space once a second, warns once, and starts when there is space', async (t) => {
    let freeBytes = 0;
    let looks = 0;
    const fileSystem: FileSystem = {
      ...realFileSystem,
      async freeBytes() {
        looks++;
        return freeBytes;
      },
    };
    const path = `${temporaryFolder(t)}/jot.jsonl`;
    const clock = { ms: TIME };
    const lines: string[] = [];
    const log = createLog({ format: 'text', write: (line) => lines.push(line), now: () => clock.ms });
    const store = await openFileStore(path, { now: () => clock.ms, log, fileSystem });
    t.after(() => store.close());
    await store.users.create(userNamed('matt'));
    await store.posts.create(postOf(1));
    await changePost(store, 40, TEXT.repeat(50));
    assert.equal(looks, 1);
    clock.ms += 1_000;
    await changePost(store, 5);
    assert.equal(looks, 2);
    freeBytes = 2 ** 40;
    await changePost(store, 5);
    assert.equal(looks, 2);
    clock.ms += 1_000;
    await changePost(store, 1);
    await store.compact();
    const messages = lines.map((line) => /the data file was (not )?compacted/.exec(line)?.[0]);
    assert.deepEqual(messages.filter(Boolean), [
      'the data file was not compacted',
      'the data file was compacted',
    ]);
    assert.ok(statSync(path).size < 10_000);
  });
});

describe('Store.compact that fails', () => {
  async function failing(opened: Opened, message: RegExp): Promise<void> {
    const before = opened.content();
    await assert.rejects(opened.store.compact(), { code: 'unavailable', message });
    assert.equal(opened.content(), before, 'the file is as it was');
    assert.deepEqual(
      readdirSync(opened.path.replace(/\/[^/]+$/, '')).filter((name) => name.endsWith('.new')),
      [],
    );
  }

  for (const [what, faults] of [
    ['write', { writeAsync: () => Promise.reject(systemError('ENOSPC')) }],
    ['write nothing of the new file', { writeAsync: async () => 0 }],
    ['sync', { sync: () => Promise.reject(systemError('EIO')) }],
  ] as const) {
    it(`leaves everything as it was if the disk fails to ${what}`, async (t) => {
      const active: Faults = {};
      const opened = await openWithMatt(t, active);
      Object.assign(active, faults);
      await failing(opened, /^The data file was not compacted: (E|no space)/);
      for (const name of Object.keys(faults)) active[name as keyof Faults] = undefined;
      await opened.store.users.create(userNamed('elie'));
      await opened.store.compact();
      assert.deepEqual(await namesIn(await reopen(t, opened)), ['matt', 'elie']);
    });
  }

  it('stops if the store is closed meanwhile, and close waits for it', async (t) => {
    const faults: Faults = {};
    const opened = await openWithMatt(t, faults);
    for (let count = 0; count < 200; count++) await opened.store.posts.create({ ...postOf(1), body: TEXT });
    let closing: Promise<void> | null = null;
    faults.writeAsync = (file, bytes, position) => {
      closing ??= opened.store.close();
      return file.writeAsync(bytes, position);
    };
    await rejects(
      opened.store.compact(),
      'unavailable',
      'The data file was not compacted: the store is being closed',
    );
    await closing;
    assert.equal(await (await reopen(t, opened)).posts.count(), 200);
  });

  it('stops if writes start to fail, to free the space for them', async (t) => {
    const faults: Faults = {};
    const opened = await openWithMatt(t, faults);
    const { store } = opened;
    for (let count = 0; count < 200; count++) await store.posts.create({ ...postOf(1), body: TEXT });
    faults.writeAsync = async (file, bytes, position) => {
      faults.write = () => {
        throw systemError('ENOSPC');
      };
      await rejects(store.users.create(userNamed('elie')), 'unavailable');
      return file.writeAsync(bytes, position);
    };
    await failing(opened, /^The data file was not compacted: the data file can't be written$/);

    // On a disk that is full already it may be what makes room.
    faults.writeAsync = undefined;
    faults.write = (file, bytes, position) => file.write(bytes, position);
    assert.ok((await store.compact()).bytesAfter > 0);
    await store.users.create(userNamed('elie'));
    assert.deepEqual(await namesIn(await reopen(t, opened)), ['matt', 'elie']);
  });

  it('keeps the old file in use if the new file cannot be renamed', async (t) => {
    let isFailing = false;
    const fileSystem: FileSystem = {
      ...realFileSystem,
      rename: (from, to) =>
        isFailing ? Promise.reject(systemError('EIO')) : realFileSystem.rename(from, to),
    };
    const path = `${temporaryFolder(t)}/jot.jsonl`;
    const store = await openOn(fileSystem, path);
    t.after(() => store.close());
    isFailing = true;
    await rejects(store.compact(), 'unavailable');
    await store.users.create(userNamed('matt'));
    assert.deepEqual(await store.status(), { ok: true });
    const again = await reopen(t, { store, path });
    assert.deepEqual(await namesIn(again), ['matt']);
  });

  it('ends all writing until a restart, which has everything, if the new file has the name but perhaps not on the disk', async (t) => {
    const fileSystem: FileSystem = { ...realFileSystem };
    const path = `${temporaryFolder(t)}/jot.jsonl`;
    const store = await openOn(fileSystem, path);
    t.after(() => store.close());
    await store.users.create(userNamed('matt'));
    fileSystem.rename = async (from, to) => {
      await realFileSystem.rename(from, to);
      throw systemError('EIO');
    };
    await rejects(store.compact(), 'unavailable');
    assert.deepEqual(await store.status(), { ok: false, reason: MEDDLED });
    await rejects(store.users.create(userNamed('elie')), 'unavailable');
    await rejects(store.compact(), 'unavailable');
    const again = await reopen(t, { store, path });
    assert.deepEqual(await namesIn(again), ['matt']);
  });
});

describe('Store.compact with few file descriptors', () => {
  it('changes nothing without the descriptors that it needs, and stops no write', async (t) => {
    const url = `file:${temporaryFolder(t)}/jot.jsonl`;
    const script = [...typescript, 'test/support/disk/few-descriptors.ts', url];
    const { stdout, stderr } = await start(t, script, { descriptorsMax: 64 }).ended;
    assert.equal(stderr, '');
    const outcomes: { compaction: string; write: string }[] = JSON.parse(stdout);
    const done = outcomes.map(({ compaction }) => compaction === 'done');
    const failed = outcomes.filter((_, index) => !done[index]);
    assert.ok(failed.length >= 2, stdout);
    for (const { compaction } of failed) assert.match(compaction, /not compacted: EMFILE/);
    assert.equal(done.at(-1), true, stdout);
    assert.deepEqual(new Set(outcomes.map(({ write }) => write)), new Set(['done']), stdout);
    assert.equal(await (await openFor(t, url)).users.count(), outcomes.length);
  });
});

describe('FileJournal with a data file that another program changed', () => {
  const ways: readonly (readonly [what: string, meddle: (path: string) => void])[] = [
    ['moved away', (path) => renameSync(path, `${path}.moved`)],
    ['removed', (path) => unlinkSync(path)],
    [
      'moved away, with another one in its place',
      (path) => {
        renameSync(path, `${path}.moved`);
        writeFileSync(path, 'precious');
      },
    ],
    ['overwritten', (path) => writeFileSync(path, 'precious')],
    ['added to', (path) => appendFileSync(path, 'precious')],
  ];
  for (const [what, meddle] of ways) {
    it(`rejects writes to a file that was ${what}, and leaves the other content as it is`, async (t) => {
      const path = `${temporaryFolder(t)}/jot.jsonl`;
      let now = TIME;
      const store = await openFileStore(path, { now: () => now, log: logFor(/never/).log });
      t.after(() => store.close());
      await store.users.create(userNamed('matt'));
      meddle(path);
      const there = existsSync(path) ? readFileSync(path, 'utf8') : null;
      now += 1_000;
      await rejects(store.users.create(userNamed('elie')), 'unavailable');
      assert.deepEqual(await store.status(), { ok: false, reason: MEDDLED });
      assert.deepEqual(await namesIn(store), ['matt']);
      assert.equal(existsSync(path) ? readFileSync(path, 'utf8') : null, there);
    });

    it(`does not compact over a file that was ${what}`, async (t) => {
      const { store, path } = await openWithMatt(t, {});
      meddle(path);
      const there = existsSync(path) ? readFileSync(path, 'utf8') : null;
      await rejects(
        store.compact(),
        'unavailable',
        'The data file was not compacted: another file is in its place',
      );
      assert.deepEqual(await store.status(), { ok: false, reason: MEDDLED });
      assert.equal(existsSync(path) ? readFileSync(path, 'utf8') : null, there);
    });
  }
});

describe('Store.compact: the compacted file', () => {
  it('has the mode and the owner of the old file', async (t) => {
    const { store, path } = await openWithMatt(t, {});
    chmodSync(path, 0o640);
    if (process.getuid?.() === 0) chownSync(path, 65_534, 65_534);
    const { mode, uid, gid } = statSync(path);
    await store.compact();
    const after = statSync(path);
    assert.deepEqual([after.mode, after.uid, after.gid], [mode, uid, gid]);
  });
});

describe('openFileStore after an interrupted compaction', () => {
  it('removes the unfinished file', async (t) => {
    const folder = temporaryFolder(t);
    await (await openStore(`file:${folder}/jot.jsonl`)).close();
    writeFileSync(`${folder}/.jot.jsonl.new`, 'half of a data file');
    await openFor(t, `file:${folder}/jot.jsonl`);
    assert.equal(existsSync(`${folder}/.jot.jsonl.new`), false);
  });
});
