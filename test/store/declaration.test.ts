// The order of collections: engines write and create owners before the rows that they own.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ownersFirst } from '../../src/store/declaration.ts';

const ownedBy = (collection: string) => ({ owner: { collection, field: 'owner_id' } });

describe('ownersFirst', () => {
  it('puts every owner before what it owns, and keeps the order otherwise', () => {
    const declared = { notes: ownedBy('posts'), tags: {}, posts: ownedBy('users'), users: {} };
    assert.deepEqual(ownersFirst(declared), ['tags', 'users', 'posts', 'notes']);
  });

  it('throws for an owner that is not declared, and for a circle of owners', () => {
    for (const declared of [
      { notes: ownedBy('posts') },
      { notes: ownedBy('posts'), posts: ownedBy('notes') },
    ]) {
      assert.throws(() => ownersFirst<string>(declared), TypeError);
    }
  });
});
