import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { IdList } from '../../../src/store/memory/id-list.ts';
import { seededRandom } from '../../support/model/random.ts';

function listOf(...ids: number[]): IdList {
  const list = new IdList();
  for (const id of ids) list.add(id);
  return list;
}

/** Counts the elements that the largest call of `splice` moves, until the test ends. */
function movesCounted(t: TestContext): { most: number } {
  const moved = { most: 0 };
  const { splice } = Array.prototype;
  t.after(() => Object.assign(Array.prototype, { splice }));
  function counting(this: unknown[], start: number, ...rest: [number]): unknown[] {
    moved.most = Math.max(moved.most, this.length - start);
    return splice.call(this, start, ...rest);
  }
  Object.assign(Array.prototype, { splice: counting });
  return moved;
}

describe('IdList', () => {
  it('keeps ids in ascending order, whatever the order of adding', () => {
    assert.deepEqual([...listOf(3, 1, 2, 5, 4)], [1, 2, 3, 4, 5]);
  });

  it('adds an id once, however often it is added', () => {
    const list = listOf(1, 2, 2, 1);
    assert.deepEqual([...list], [1, 2]);
    assert.equal(list.length, 2);
  });

  it('remove of a missing id changes nothing', () => {
    const list = listOf(2, 4);
    for (const id of [1, 3, 5]) list.remove(id);
    assert.deepEqual([...list], [2, 4]);
    new IdList().remove(1);
  });

  const pages: readonly (readonly [
    after: number,
    limit: number,
    asc: number[],
    desc: number[],
    why: string,
  ])[] = [
    [0, 2, [2, 4], [8, 6], 'from the start in either order'],
    [0, 9, [2, 4, 6, 8], [8, 6, 4, 2], 'no more than there are'],
    [4, 9, [6, 8], [2], 'after an id that is there, without it'],
    [5, 9, [6, 8], [4, 2], 'after an id that is not there'],
    [1, 9, [2, 4, 6, 8], [], 'after one below all'],
    [9, 9, [], [8, 6, 4, 2], 'after one above all'],
    [2, 1, [4], [], 'after the first'],
    [8, 1, [], [6], 'after the last'],
  ];
  for (const [after, limit, asc, desc, why] of pages) {
    it(`page after ${after}: ${why}`, () => {
      const list = listOf(2, 4, 6, 8);
      assert.deepEqual(list.page({ after, limit, order: 'asc' }), asc);
      assert.deepEqual(list.page({ after, limit, order: 'desc' }), desc);
    });
  }

  it('pages of 1,500 ids in any order of adding are those of a sorted array, across chunks', () => {
    const sorted = Array.from({ length: 5_000 }, (_, index) => 2 * (index + 1));
    const halves = [...sorted.filter((id) => id % 4 === 0), ...sorted.filter((id) => id % 4 !== 0)];
    for (const ids of [sorted, sorted.toReversed(), halves]) {
      const list = listOf(...ids);
      assert.deepEqual([...list], sorted);
      for (const after of [0, 1, 2, 2_047, 2_048, 5_001, 9_999, 10_000, 10_001]) {
        const above = sorted.filter((id) => id > after).slice(0, 1_500);
        const below = sorted.filter((id) => after === 0 || id < after).reverse();
        assert.deepEqual(list.page({ after, limit: 1_500, order: 'asc' }), above);
        assert.deepEqual(list.page({ after, limit: 1_500, order: 'desc' }), below.slice(0, 1_500));
      }
      for (const id of sorted.slice(1_000)) list.remove(id);
      assert.deepEqual([...list], sorted.slice(0, 1_000));
    }
  });

  it('pop removes the highest id, down to an empty list', () => {
    const ids = Array.from({ length: 3_000 }, (_, index) => index + 1);
    const list = listOf(...ids);
    assert.deepEqual(
      ids.map(() => list.pop()),
      ids.toReversed(),
    );
    assert.deepEqual([list.length, list.pop(), [...list]], [0, undefined, []]);
  });

  // A sorted array moves 20,000 ids per step here: the square of their number in all.
  for (const [order, ids] of [
    ['ascending', (index: number) => index + 1],
    ['descending', (index: number) => 40_000 - index],
    ['towards the middle', (index: number) => (index % 2 === 0 ? index + 1 : 80_000 - index)],
    ['from the middle', (index: number) => 40_000 + (index % 2 === 0 ? index : -index)],
  ] as const) {
    it(`add and remove move at most 2,000 ids per step, ${order}`, (t) => {
      const list = new IdList();
      const moved = movesCounted(t);
      for (let index = 0; index < 40_000; index++) list.add(ids(index));
      for (let index = 0; index < 40_000; index++) list.remove(ids(index));
      assert.equal(list.length, 0);
      assert.ok(moved.most <= 2_000, `${moved.most}`);
    });
  }

  it('page of an empty list is empty', () => {
    assert.deepEqual(listOf().page({ after: 0, limit: 5, order: 'asc' }), []);
    assert.deepEqual(listOf().page({ after: 0, limit: 5, order: 'desc' }), []);
  });

  it('agrees with a plain sorted array over 5,000 random steps', () => {
    const random = seededRandom(1);
    const below = (limit: number) => Math.floor(random() * limit);
    const list = new IdList();
    const model = new Set<number>();
    for (let step = 0; step < 5_000; step++) {
      const id = 1 + below(60);
      // In turn more are added than removed and the other way round, so that it is sometimes full, sometimes empty.
      const isAdding = random() < (step % 1_000 < 500 ? 0.8 : 0.2);
      if (isAdding) list.add(id);
      else list.remove(id);
      if (isAdding) model.add(id);
      else model.delete(id);

      const sorted = [...model].sort((a, b) => a - b);
      assert.deepEqual([...list], sorted, `step ${step}`);
      assert.equal(list.length, sorted.length);
      const after = below(62);
      const limit = 1 + below(10);
      const above = sorted.filter((each) => each > after).slice(0, limit);
      const under = sorted.filter((each) => after === 0 || each < after);
      assert.deepEqual(list.page({ after, limit, order: 'asc' }), above, `step ${step}, after ${after}`);
      assert.deepEqual(list.page({ after, limit, order: 'desc' }), under.reverse().slice(0, limit));
    }
  });
});
