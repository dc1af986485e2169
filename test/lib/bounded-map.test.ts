import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BoundedMap } from '../../src/lib/bounded-map.ts';
import { seededRandom } from '../support/model/random.ts';
import { heapOf } from '../support/server/resources.ts';

function filled(entriesMax: number, keys: Iterable<string>): BoundedMap<string, string> {
  const map = new BoundedMap<string, string>(entriesMax);
  for (const key of keys) map.set(key, `value of ${key}`);
  return map;
}

/** Uses every key. */
const kept = (map: BoundedMap<string, string>, keys: string) =>
  [...keys].filter((key) => map.get(key) !== undefined).join('');

describe('BoundedMap', () => {
  const noBounds: [entriesMax: number, reason: string][] = [
    [0, 'no room for an entry'],
    [-1, 'negative'],
    [1.5, 'half an entry'],
    [Number.NaN, 'no number'],
    [Number.POSITIVE_INFINITY, 'no bound at all'],
    [2 ** 53, 'past what can be counted exactly'],
  ];
  for (const [entriesMax, reason] of noBounds) {
    it(`constructor throws for ${entriesMax}: ${reason}`, () => {
      assert.throws(() => new BoundedMap(entriesMax), RangeError);
    });
  }

  it('constructor accepts room for one entry', () => {
    assert.equal(kept(filled(1, 'ab'), 'ab'), 'b');
  });

  it('set keeps everything up to the bound', () => {
    const map = filled(3, 'abc');
    assert.equal(map.size, 3);
    assert.equal(kept(map, 'abc'), 'abc');
  });

  it('set past the bound drops the entry that was set longest ago', () => {
    const map = filled(3, 'abcd');
    assert.equal(map.size, 3);
    assert.equal(kept(map, 'abcd'), 'bcd');
  });

  it('set of an existing key replaces its value and drops nothing', () => {
    const map = filled(3, 'abc');
    map.set('b', 'another');
    assert.equal(map.get('b'), 'another');
    assert.equal(kept(map, 'abc'), 'abc');
  });

  it('set of an existing key counts as a use', () => {
    assert.equal(kept(filled(3, 'abcad'), 'abcd'), 'acd');
  });

  it('get counts as a use', () => {
    const map = filled(3, 'abc');
    assert.equal(map.get('a'), 'value of a');
    map.set('d', '');
    assert.equal(kept(map, 'abcd'), 'acd');
  });

  it('get of a missing key returns undefined and stores nothing', () => {
    const map = filled(3, 'abc');
    assert.equal(map.get('x'), undefined);
    assert.equal(map.size, 3);
  });

  it('delete returns whether there was an entry, and makes room', () => {
    const map = filled(3, 'abc');
    assert.equal(map.delete('b'), true);
    assert.equal(map.delete('b'), false);
    map.set('d', '');
    assert.equal(kept(map, 'abcd'), 'acd');
  });

  it('clear removes everything, and the map still works', () => {
    const map = filled(3, 'abc');
    map.clear();
    assert.equal(map.size, 0);
    map.set('d', '');
    assert.equal(kept(map, 'abcd'), 'd');
  });

  const uses: [reason: string, use: (map: BoundedMap<string, string>) => void][] = [
    ['get', (map) => map.get('a')],
    ['set', (map) => map.set('a', 'another')],
    ['delete and set', (map) => map.delete('a') && map.set('a', 'again')],
  ];
  for (const [reason, use] of uses) {
    it(`uses no memory to record a use, below its bound: ${reason}`, () => {
      const map = filled(1_000, 'abcdefghij');
      const { bytes } = heapOf(() => {
        for (let count = 0; count < 500_000; count += 1) use(map);
        return map;
      });
      assert.ok(bytes < 1_000_000, `${bytes} bytes`);
    });
  }

  it('agrees with a plain list over a seeded random run', () => {
    const random = seededRandom(1);
    const map = new BoundedMap<string, number>(5);
    let list: [key: string, value: number][] = [];
    const without = (key: string) => list.filter(([other]) => other !== key);
    for (let step = 0; step < 20_000; step += 1) {
      const key = `key ${Math.floor(random() * 9)}`;
      const known = list.find(([other]) => other === key);
      const dice = random();
      if (dice < 0.4) {
        map.set(key, step);
        const entry: [string, number] = [key, step];
        list = [...without(key), entry].slice(-5);
      } else if (dice < 0.9) {
        assert.equal(map.get(key), known?.[1], `step ${step}`);
        if (known !== undefined) list = [...without(key), known];
      } else if (dice < 0.995) {
        assert.equal(map.delete(key), known !== undefined, `step ${step}`);
        list = without(key);
      } else {
        map.clear();
        list = [];
      }
      assert.equal(map.size, list.length, `step ${step}`);
    }
  });
});
