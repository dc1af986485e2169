import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { JotError } from '../../../src/lib/errors.ts';
import { openStore } from '../../../src/store/open.ts';
import {
  type Faults,
  HeldSyncs,
  openWithMatt,
  reopen,
  systemError,
} from '../../support/disk/faulty-file-system.ts';
import { linesWithUsers } from '../../support/disk/records.ts';
import { namesIn, openFor, outcomesOf, postOf, rejects, userNamed } from '../../support/disk/stores.ts';

const NOT_STORED = 'The change could not be stored; nothing was changed';
const IN_TROUBLE = 'Changes cannot be stored at the moment; the log has the reason';

describe('FileJournal.append', () => {
  it('acknowledges a write, and shows it to reads, only after its sync', async (t) => {
    const faults: Faults = {};
    const { store, content } = await openWithMatt(t, faults);
    const revision = await store.users.revision();
    const syncs = new HeldSyncs();
    faults.sync = syncs.sync;
    const events: string[] = [];
    const write = store.users.create(userNamed('elie')).then(() => events.push('acknowledged'));

    const sync = await syncs.next();
    assert.equal(content(), linesWithUsers('matt', 'elie').join(''), 'it is written, but may be lost');
    assert.deepEqual(await namesIn(store), ['matt']);
    assert.deepEqual([await store.users.find(2), await store.users.findBy('username', 'ELIE')], [null, null]);
    assert.deepEqual([await store.users.count(), await store.users.revision()], [1, revision]);

    await sync.finish().then(() => events.push('synced'));
    await write;
    assert.deepEqual(events, ['synced', 'acknowledged']);
    assert.deepEqual(await namesIn(store), ['matt', 'elie']);
  });

  it('syncs all writes together that waited during the previous sync', async (t) => {
    const faults: Faults = {};
    const opened = await openWithMatt(t, faults);
    const syncs = new HeldSyncs();
    faults.sync = syncs.sync;
    const first = opened.store.users.create(userNamed('first'));
    const sync = await syncs.next();
    const others = Array.from({ length: 50 }, (_, index) => opened.store.users.create(userNamed(`${index}`)));
    assert.equal(opened.content(), linesWithUsers('matt', 'first').join(''), 'they are not even written');

    await sync.finish();
    await first;
    await (await syncs.next()).finish();
    const rows = await Promise.all(others);
    assert.equal(syncs.count, 2);
    assert.deepEqual(
      rows.map(({ id }) => id),
      Array.from(others, (_, index) => index + 3),
    );
    assert.equal(opened.content().split('\n').length, 54);
  });

  it('needs no sync for a write that is rejected or changes nothing', async (t) => {
    const faults: Faults = {};
    const { store } = await openWithMatt(t, faults);
    const syncs = new HeldSyncs();
    faults.sync = syncs.sync;
    await rejects(store.users.create(userNamed('MATT')), 'username_taken');
    await store.write([{ expect: 'users', id: 1, ifVersion: 1 }]);
    assert.equal(syncs.count, 0);
  });

  it('completes a short write', async (t) => {
    const faults: Faults = { write: (file, bytes, position) => file.write(bytes.subarray(0, 7), position) };
    const opened = await openWithMatt(t, faults);
    await opened.store.users.create(userNamed('zoé 😀'));
    assert.equal(opened.content(), linesWithUsers('matt', 'zoé 😀').join(''));
    assert.deepEqual(await namesIn(await reopen(t, opened)), ['matt', 'zoé 😀']);
  });

  it('finishes before close releases the file', async (t) => {
    const faults: Faults = {};
    const opened = await openWithMatt(t, faults);
    const syncs = new HeldSyncs();
    faults.sync = syncs.sync;
    const elie = opened.store.users.create(userNamed('elie'));
    const first = await syncs.next();
    const writes = [elie, opened.store.users.create(userNamed('tim'))];
    const closing = opened.store.close();
    await rejects(opened.store.users.create(userNamed('late')), 'unavailable', 'The store is closed');
    await rejects(openStore(`file:${opened.path}`), 'unavailable');

    await first.finish();
    await (await syncs.next()).finish();
    await closing;
    assert.deepEqual(await outcomesOf(writes), ['done', 'done']);
    assert.deepEqual(await namesIn(await openFor(t, `file:${opened.path}`)), ['matt', 'elie', 'tim']);
  });
});

describe('FileJournal.append to a full disk', () => {
  const ways: readonly (readonly [what: string, write: Faults['write'], reason: string])[] = [
    ['fails', () => full(), 'ENOSPC: no space left on device'],
    [
      'comes out short and then fails',
      (file, bytes, at) => (bytes[0] === 0x7b ? file.write(bytes.subarray(0, 9), at) : full()),
      'ENOSPC: no space left on device',
    ],
    [
      'comes out short and then writes nothing',
      (file, bytes, at) => (bytes[0] === 0x7b ? file.write(bytes.subarray(0, 9), at) : 0),
      'no space left on the device',
    ],
  ];
  for (const [what, write, reason] of ways) {
    it(`leaves no trace of a write that ${what}, and works again when there is space`, async (t) => {
      const faults: Faults = {};
      const opened = await openWithMatt(t, faults);
      const { store, content } = opened;
      const before = [content(), await store.users.revision()];
      faults.write = write;
      await assert.rejects(store.users.create(userNamed('elie')), (error: JotError) => {
        assert.deepEqual([error.code, error.message], ['unavailable', NOT_STORED]);
        assert.equal(error.details.retryAfterSeconds, 5);
        assert.equal((error.details.cause as Error).message, reason);
        return true;
      });
      assert.deepEqual([content(), await store.users.revision()], before);
      assert.deepEqual(await namesIn(store), ['matt']);
      assert.equal(await store.users.findBy('username', 'ELIE'), null);
      assert.deepEqual(await store.status(), { ok: false, reason: IN_TROUBLE });

      faults.write = undefined;
      assert.equal((await store.users.create(userNamed('Elie'))).id, 2);
      assert.deepEqual(await store.status(), { ok: true });
      assert.equal(content(), linesWithUsers('matt', 'Elie').join(''));
      assert.deepEqual(await namesIn(await reopen(t, opened)), ['matt', 'Elie']);
    });
  }

  it('rejects all writes of the batch, also one that would have lost a conflict with another', async (t) => {
    const faults: Faults = {};
    const { store } = await openWithMatt(t, faults);
    const syncs = new HeldSyncs();
    faults.sync = syncs.sync;
    const acknowledged = store.users.create(userNamed('elie'));
    const sync = await syncs.next();
    const batch = ['tim', 'Tim', 'tom'].map((name) => store.users.create(userNamed(name)));
    faults.write = () => full();
    await sync.finish();
    assert.equal((await acknowledged).id, 2);
    assert.deepEqual(await outcomesOf(batch), ['unavailable', 'unavailable', 'unavailable']);

    faults.write = undefined;
    faults.sync = undefined;
    assert.deepEqual(await outcomesOf(['Tim', 'tim'].map((name) => store.users.create(userNamed(name)))), [
      'done',
      'username_taken',
    ]);
    assert.deepEqual(await namesIn(store), ['matt', 'elie', 'Tim']);
  });

  it('writes nothing while the torn end cannot be cut off, and works again when it can', async (t) => {
    const faults: Faults = {};
    const opened = await openWithMatt(t, faults);
    faults.truncate = () => {
      throw systemError('EROFS');
    };
    faults.write = (file, bytes, at) => (bytes[0] === 0x7b ? file.write(bytes.subarray(0, 9), at) : full());
    await rejects(opened.store.users.create(userNamed('elie')), 'unavailable', NOT_STORED);
    faults.write = () => assert.fail('nothing may be written after a torn end');
    await rejects(opened.store.users.create(userNamed('tim')), 'unavailable', NOT_STORED);
    assert.deepEqual(await opened.store.status(), { ok: false, reason: IN_TROUBLE });
    assert.deepEqual(await namesIn(opened.store), ['matt']);

    faults.truncate = undefined;
    faults.write = undefined;
    await opened.store.users.create(userNamed('tom'));
    assert.equal(opened.content(), linesWithUsers('matt', 'tom').join(''));
    assert.deepEqual(await namesIn(await reopen(t, opened)), ['matt', 'tom']);
  });

  it('has the cut of a failed write on the disk before the next write', async (t) => {
    const faults: Faults = {};
    const { store, content } = await openWithMatt(t, faults);
    const before = content();
    faults.write = (file, bytes, at) => (bytes[0] === 0x7b ? file.write(bytes.subarray(0, 9), at) : full());
    await rejects(store.users.create(userNamed('elie')), 'unavailable');
    faults.write = undefined;
    const syncs = new HeldSyncs();
    faults.sync = syncs.sync;
    const written = store.users.create(userNamed('tim'));
    const cut = await syncs.next();
    assert.equal(content(), before);
    await cut.finish();
    await (await syncs.next()).finish();
    await written;
  });
});

function full(): never {
  throw systemError('ENOSPC');
}

describe('FileJournal.append of a large batch', () => {
  it('lets other work run while it encodes, and writes once', async (t) => {
    const faults: Faults = {};
    const { store } = await openWithMatt(t, faults);
    let turns = 0;
    const turn = () => {
      turns++;
      timer = setImmediate(turn);
    };
    let timer = setImmediate(turn);
    const turnsAtWrite: number[] = [];
    faults.write = (file, bytes, position) => {
      turnsAtWrite.push(turns);
      return file.write(bytes, position);
    };
    const long = () => store.posts.create({ ...postOf(1), body: 'x'.repeat(200_000) });
    await Promise.all(Array.from({ length: 8 }, long));
    clearImmediate(timer);
    assert.equal(turnsAtWrite.length, 1);
    assert.ok((turnsAtWrite[0] ?? 0) >= 3, `${turnsAtWrite[0]} turns`);
  });
});
