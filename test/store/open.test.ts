import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { filePath, openStore } from '../../src/store/open.ts';
import { openFor, rejects, storeKinds, userNamed } from '../support/disk/stores.ts';
import { temporaryFolder } from '../support/disk/temporary-folder.ts';

describe('openStore', () => {
  it('opens every memory: store empty, also the second time', async (t) => {
    const store = await openFor(t, 'memory:');
    await store.users.create(userNamed('matt'));
    assert.equal(await (await openFor(t, 'memory:')).users.count(), 0);
  });

  for (const kind of storeKinds.filter(({ isDurable }) => isDurable)) {
    it(`opens a ${kind.name} store with its rows, and assigns no id twice`, async (t) => {
      const url = kind.newUrl(t);
      const before = await openFor(t, url);
      await before.users.create(userNamed('matt'));
      await before.users.create(userNamed('elie'));
      await before.users.remove(2);
      const matt = await before.users.update(1, { username: 'Matt' });
      await before.close();

      const { users } = await openFor(t, url);
      assert.deepEqual(await users.list({ after: 0, limit: 200, order: 'asc' }), {
        rows: [matt],
        next: null,
      });
      assert.deepEqual(await users.findBy('username', 'MATT'), matt);
      assert.equal((await users.create(userNamed('elie'))).id, 3);
    });
  }

  it('is not disturbed by a log that throws or rejects', async (t) => {
    const rejection = () => Promise.reject(new Error('no log'));
    const failure = () => assert.fail('no log');
    for (const fail of [failure, rejection]) {
      const path = `${temporaryFolder(t)}/jot.jsonl`;
      let lines = 0;
      const write = () => {
        lines++;
        return fail();
      };
      const store = await openStore(`file:${path}`, { log: { info: write, warn: write, error: write } });
      t.after(() => store.close());
      await store.compact();
      assert.equal((await store.users.create(userNamed('matt'))).id, 1);
      assert.equal(lines, 2);
    }
  });

  const wrong: readonly (readonly [options: object, problem: string])[] = [
    [{ log: {} }, 'Cannot use the log: info must be a function; got undefined'],
    [{ log: { info: String, warn: String } }, 'Cannot use the log: error must be a function; got undefined'],
    [
      { capacity: { bytes: '1GiB' } },
      "Cannot open a store: bytes in its capacity must be a number; got '1GiB'",
    ],
    [
      { capacity: { rowsPerUser: { posts: Number.NaN } } },
      'Cannot open a store: posts in its capacity must be a number; got NaN',
    ],
  ];
  for (const [options, message] of wrong) {
    it(`refuses a wrong option: ${message}`, async () => {
      await assert.rejects(openStore('memory:', options), { name: 'TypeError', message });
    });
  }

  it('accepts a log with three functions, and bounds without a maximum', async (t) => {
    const capacity = { bytesPerUser: Number.POSITIVE_INFINITY, rowsPerUser: { posts: 1 } };
    const store = await openStore('memory:', { log: console, capacity });
    t.after(() => store.close());
  });

  for (const url of ['', 'memory', 'memory:x', 'file:', 'jot.jsonl', 'postgres://localhost/jot']) {
    it(`rejects "${url}"`, async () => {
      await rejects(openStore(url), 'unavailable', 'A store is `memory:` or `file:<path>`');
    });
  }
});

describe('filePath', () => {
  const paths: readonly (readonly [url: string, path: string | null, why: string])[] = [
    ['file:data/jot.jsonl', 'data/jot.jsonl', 'relative'],
    ['file:/var/lib/jot.jsonl', '/var/lib/jot.jsonl', 'absolute'],
    ['file:///var/lib/jot.jsonl', '/var/lib/jot.jsonl', 'absolute, with the authority that is empty'],
    ['file:a b%20c', 'a b%20c', 'a path as it is, with no escapes'],
    ['file:///a%20b%C3%A9', '/a bé', 'an absolute path is percent-encoded'],
    ['file:/100%', null, 'a malformed escape'],
    ['file:/a%2fb', null, 'an encoded slash, which is not a separator'],
    ['file:/a%00', null, 'NUL'],
    ['file:100%', '100%', 'a relative path is no URL'],
    ['file:', null, 'no path'],
    ['file:data/', null, 'a folder'],
    ['file:/%2e', null, 'a folder, encoded'],
    ['file:data/..', null, 'a folder'],
    ['file:data/..a', 'data/..a', 'a file'],
    ['memory:', null, 'another scheme'],
  ];
  for (const [url, path, why] of paths) {
    it(`returns ${path} for ${url}: ${why}`, () => assert.equal(filePath(url), path));
  }
});
