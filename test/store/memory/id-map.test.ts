import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { IdMap } from '../../../src/store/memory/id-map.ts';
import { seededRandom } from '../../support/model/random.ts';

describe('IdMap', () => {
  it('agrees with a plain Map over 20,000 random steps, on ids near and far', () => {
    const random = seededRandom(7);
    const map = new IdMap<number>();
    const model = new Map<number, number>();
    for (let step = 0; step < 20_000; step++) {
      const near = 1 + Math.floor(random() * 9_000);
      const id = step % 3 === 0 ? Number.MAX_SAFE_INTEGER - near : near;
      const isAdding = random() < (step % 4_000 < 2_000 ? 0.7 : 0.3);
      if (isAdding) map.set(id, step);
      else map.delete(id);
      if (isAdding) model.set(id, step);
      else model.delete(id);
      assert.equal(map.get(id), model.get(id));
    }
    const sorted = (values: Iterable<number>) => [...values].sort((one, other) => one - other);
    assert.deepEqual(sorted(map.values()), sorted(model.values()));
    for (const id of model.keys()) map.delete(id);
    assert.deepEqual([...map.values()], []);
  });

  it('values visits values that are set meanwhile, and none that are deleted', () => {
    const map = new IdMap<number>();
    for (let id = 1; id <= 10_000; id++) map.set(id, id);
    const seen: number[] = [];
    for (const id of map.values()) {
      seen.push(id);
      if (id === 1) for (let gone = 5_000; gone < 10_000; gone++) map.delete(gone);
      if (id === 2) map.set(20_000, 20_000);
    }
    const kept = Array.from({ length: 4_999 }, (_, index) => index + 1);
    assert.deepEqual(seen, [...kept, 10_000, 20_000]);
  });
});
