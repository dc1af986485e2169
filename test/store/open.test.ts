import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { filePath, openStore } from '../../src/store/open.ts';
import { openFor, rejects, storeKinds, userNamed } from '../support/disk/stores.ts';

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
    ['file:', null, 'no path'],
    ['memory:', null, 'another scheme'],
  ];
  for (const [url, path, why] of paths) {
    it(`returns ${path} for ${url}: ${why}`, () => assert.equal(filePath(url), path));
  }
});
