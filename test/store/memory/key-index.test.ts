import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KeyIndex } from '../../../src/store/memory/key-index.ts';

describe('KeyIndex', () => {
  it('returns the holders of a key in the order in which they were added, each once', () => {
    const index = new KeyIndex();
    for (const id of [3, 1, 2, 1, 3]) index.add('a', id);
    index.add('b', 4);
    assert.deepEqual([index.idsOf('a'), index.idsOf('b'), index.idsOf('c')], [[3, 1, 2], [4], []]);
  });

  for (const [removed, left] of [
    [3, [1, 2]],
    [1, [3, 2]],
    [2, [3, 1]],
    [4, [3, 1, 2]],
  ] as const) {
    it(`keeps ${left} of 3,1,2 when ${removed} is removed`, () => {
      const index = new KeyIndex();
      for (const id of [3, 1, 2]) index.add('a', id);
      index.remove('a', removed);
      assert.deepEqual(index.idsOf('a'), left);
      for (const id of left) index.remove('a', id);
      assert.deepEqual(index.idsOf('a'), []);
      index.add('a', 5);
      assert.deepEqual(index.idsOf('a'), [5]);
    });
  }
});
