import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BoundedMap, type Bounds } from '../../src/lib/bounded-map.ts';
import { seededRandom } from '../support/model/random.ts';
import { heapOf } from '../support/server/resources.ts';

function filled(entriesMax: number, keys: Iterable<string>): BoundedMap<string, string> {
  const map = new BoundedMap<string, string>(entriesMax);
  for (const key of keys) map.set(key, `value of ${key}`);
  return map;
}

const bytesOf = (_key: string, value: string) => value.length;

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

  const noShares: [bounds: Bounds<string, string>, reason: string][] = [
    [{ bytesMax: 0 }, 'no byte'],
    [{ bytesMax: Number.NaN }, 'bytes that are no number'],
    [{ share: 0 }, 'no share'],
    [{ share: 1.1 }, 'a share of more than all'],
    [{ share: Number.NaN }, 'a share that is no number'],
  ];
  for (const [bounds, reason] of noShares) {
    it(`constructor throws for ${reason}`, () => {
      assert.throws(() => new BoundedMap(10, bounds), RangeError);
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

  it('set past the bound in bytes evicts the least recently used entries, as many as it takes', () => {
    const map = new BoundedMap<string, string>(100, { bytesMax: 10, bytesOf });
    for (const key of 'abc') map.set(key, '333');
    map.get('a');
    assert.deepEqual([map.size, map.bytes], [3, 9]);
    map.set('d', '55555');
    assert.equal(kept(map, 'abcd'), 'ad');
    assert.equal(map.bytes, 8);
    map.set('a', '1');
    assert.equal(map.bytes, 6);
    map.delete('d');
    assert.equal(map.bytes, 1);
    map.clear();
    assert.deepEqual([map.size, map.bytes], [0, 0]);
  });

  it('set does not store a value that exceeds the bound by itself, and drops the older value', () => {
    const map = new BoundedMap<string, string>(100, { bytesMax: 10, bytesOf });
    map.set('a', '333');
    map.set('b', '333');
    map.set('a', 'x'.repeat(11));
    assert.equal(kept(map, 'ab'), 'b');
    map.set('a', 'x'.repeat(10));
    assert.equal(kept(map, 'ab'), 'a');
  });

  it('set evicts from a group above its share of entries, and not from others', () => {
    const map = new BoundedMap<string, string>(8, { share: 1 / 4 });
    map.set('a', '', 'quiet');
    for (const key of 'bcde') map.set(key, '', 'busy');
    assert.equal(kept(map, 'abcde'), 'ade');
    map.get('d');
    map.set('f', '', 'busy');
    assert.equal(kept(map, 'adef'), 'adf');
  });

  it('set evicts from a group above its share of bytes, and not from others', () => {
    const map = new BoundedMap<string, string>(100, { bytesMax: 40, bytesOf, share: 1 / 4 });
    map.set('a', '333', 1);
    for (const key of 'bcd') map.set(key, '333', 2);
    map.set('e', '55555', 2);
    assert.equal(kept(map, 'abcde'), 'ade');
    map.set('f', 'x'.repeat(11), 2);
    assert.equal(kept(map, 'adef'), 'ade');
  });

  it('set past the bound of the whole evicts the least recently used entry of any group', () => {
    const map = new BoundedMap<string, string>(4, { share: 1 / 2 });
    for (const key of 'abcdef') map.set(key, '', key < 'c' ? 'first' : key);
    assert.equal(kept(map, 'abcdef'), 'cdef');
  });

  it('set moves a key to the group that it names', () => {
    const map = new BoundedMap<string, string>(4, { share: 1 / 2 });
    for (const key of 'ab') map.set(key, '', 1);
    map.set('a', '', 2);
    map.set('c', '', 1);
    assert.equal(kept(map, 'abc'), 'abc');
    map.set('d', '', 1);
    assert.equal(kept(map, 'abcd'), 'acd');
  });

  it('does not keep memory for a group without entries', () => {
    const map = new BoundedMap<string, string>(100, { share: 1 / 4 });
    const { bytes } = heapOf(() => {
      for (let group = 0; group < 100_000; group++) map.set(`key ${group}`, '', group);
      return map;
    });
    assert.ok(bytes < 1_000_000, `${bytes} bytes`);
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
    const bytesMax = 48;
    const map = new BoundedMap<string, number>(8, { bytesMax, bytesOf: (_, bytes) => bytes, share: 1 / 2 });
    let list: (readonly [key: string, bytes: number, group: number])[] = [];
    const without = (key: string) => list.filter(([other]) => other !== key);
    const isFull = (all: typeof list, share: number) =>
      all.length > 8 * share || all.reduce((sum, [, bytes]) => sum + bytes, 0) > bytesMax * share;
    const evict = (from: (entry: (typeof list)[number]) => boolean, share: number) => {
      while (isFull(list.filter(from), share)) list.splice(list.findIndex(from), 1);
    };
    for (let step = 0; step < 20_000; step += 1) {
      const key = `key ${Math.floor(random() * 12)}`;
      const known = list.find(([other]) => other === key);
      const dice = random();
      if (dice < 0.4) {
        const entry = [key, Math.floor(random() * 28), Math.floor(random() * 4)] as const;
        map.set(...entry);
        list = [...without(key), entry];
        if (entry[1] > bytesMax / 2) list = without(key);
        evict(([, , group]) => group === entry[2], 1 / 2);
        evict(() => true, 1);
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
      assert.equal(
        map.bytes,
        list.reduce((sum, [, bytes]) => sum + bytes, 0),
        `step ${step}`,
      );
    }
  });
});
