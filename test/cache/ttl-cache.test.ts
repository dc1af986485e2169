import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TtlCache } from '../../src/cache/ttl-cache.ts';
import { seededRandom } from '../support/model/random.ts';

const TTL_MS = 60_000;

function cacheOf(max: number) {
  const clock = { nowMs: Date.UTC(2026, 10, 23, 12, 35, 13) };
  return { cache: new TtlCache<string, string>({ ttlMs: TTL_MS, max, now: () => clock.nowMs }), clock };
}

/** A computation that ends when the test says so. */
function pending<V>() {
  let resolve: (value: V) => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const promise = new Promise<V>((onValue, onError) => {
    resolve = onValue;
    reject = onError;
  });
  return { promise, resolve, reject };
}

const never = () => Promise.reject(new Error('Must not be computed'));

describe('TtlCache.get, set, delete, clear', () => {
  it('get returns a value for the time to live and not a millisecond longer', () => {
    const { cache, clock } = cacheOf(10);
    cache.set('key', 'value');
    clock.nowMs += TTL_MS - 1;
    assert.equal(cache.get('key'), 'value');
    clock.nowMs += 1;
    assert.equal(cache.get('key'), undefined);
  });

  it('set renews the time to live, get does not', () => {
    const { cache, clock } = cacheOf(10);
    cache.set('read', 'old');
    cache.set('written', 'old');
    clock.nowMs += TTL_MS - 1;
    cache.get('read');
    cache.set('written', 'new');
    clock.nowMs += 1;
    assert.equal(cache.get('read'), undefined);
    assert.equal(cache.get('written'), 'new');
  });

  it('size counts an expired entry until get looks it up', () => {
    const { cache, clock } = cacheOf(10);
    cache.set('key', 'value');
    clock.nowMs += TTL_MS;
    assert.equal(cache.size, 1);
    cache.get('key');
    assert.equal(cache.size, 0);
  });

  it('set above the maximum evicts the least recently used entry', () => {
    const { cache } = cacheOf(2);
    cache.set('a', '1');
    cache.set('b', '2');
    cache.get('a');
    cache.set('c', '3');
    assert.equal(cache.size, 2);
    assert.deepEqual([cache.get('a'), cache.get('b'), cache.get('c')], ['1', undefined, '3']);
  });

  it('delete removes one entry, clear every entry', () => {
    const { cache } = cacheOf(10);
    for (const key of ['a', 'b', 'c']) cache.set(key, key);
    cache.delete('a');
    assert.deepEqual([cache.get('a'), cache.get('b'), cache.size], [undefined, 'b', 2]);
    cache.clear();
    assert.deepEqual([cache.get('b'), cache.get('c'), cache.size], [undefined, undefined, 0]);
  });

  it('get returns undefined for older entries after the clock was set back', () => {
    const { cache, clock } = cacheOf(10);
    cache.set('key', 'value');
    clock.nowMs -= 1;
    assert.equal(cache.get('other'), undefined);
    clock.nowMs += 1;
    assert.equal(cache.get('key'), undefined);
    cache.set('key', 'again');
    assert.equal(cache.get('key'), 'again');
  });

  it('getOrCompute computes again after the clock was set back, and keeps the result', async () => {
    const { cache, clock } = cacheOf(10);
    await cache.getOrCompute('key', async () => 'before');
    clock.nowMs -= 3_600_000;
    assert.equal(await cache.getOrCompute('key', async () => 'after'), 'after');
    assert.equal(await cache.getOrCompute('key', never), 'after');
    clock.nowMs += TTL_MS;
    assert.equal(cache.get('key'), undefined);
  });

  it('set evicts by bytes, and within a group first', () => {
    const bytesOf = (key: string, value: string) => key.length + value.length;
    const cache = new TtlCache<string, string>({ ttlMs: 1, max: 100, bytesMax: 40, bytesOf, share: 1 / 4 });
    cache.set('quiet', '12345', 'one');
    cache.set('first', '12345', 'two');
    assert.equal(cache.bytes, 20);
    cache.set('second', '1234', 'two');
    assert.deepEqual([cache.get('quiet'), cache.get('first')], ['12345', undefined]);
    assert.equal(cache.bytes, 20);
  });

  it('uses the real clock by default', () => {
    const cache = new TtlCache<string, string>({ ttlMs: 86_400_000, max: 1 });
    cache.set('key', 'value');
    assert.equal(cache.get('key'), 'value');
  });

  const noCaches: [ttlMs: number, max: number, reason: string][] = [
    [0, 1, 'no life at all'],
    [-1, 1, 'a negative one'],
    [Number.NaN, 1, 'one that is no number'],
    [1, 0, 'room for no entry'],
    [1, 1.5, 'room for half an entry'],
  ];
  for (const [ttlMs, max, reason] of noCaches) {
    it(`constructor rejects a ttl of ${ttlMs} and a max of ${max}: ${reason}`, () => {
      assert.throws(() => new TtlCache({ ttlMs, max }), RangeError);
    });
  }

  it('constructor accepts a millisecond and one entry', () => {
    assert.equal(new TtlCache({ ttlMs: 1, max: 1 }).size, 0);
  });
});

describe('TtlCache.getOrCompute', () => {
  it('computes a miss and keeps the result', async () => {
    const { cache } = cacheOf(10);
    assert.equal(await cache.getOrCompute('key', async () => 'computed'), 'computed');
    assert.equal(cache.get('key'), 'computed');
    assert.equal(await cache.getOrCompute('key', never), 'computed');
  });

  it('computes again after the time to live', async () => {
    const { cache, clock } = cacheOf(10);
    await cache.getOrCompute('key', async () => 'first');
    clock.nowMs += TTL_MS - 1;
    assert.equal(await cache.getOrCompute('key', never), 'first');
    clock.nowMs += 1;
    assert.equal(await cache.getOrCompute('key', async () => 'second'), 'second');
  });

  it('computes once for concurrent misses', async () => {
    const { cache } = cacheOf(10);
    const { promise, resolve } = pending<string>();
    let calls = 0;
    const compute = () => {
      calls += 1;
      return promise;
    };
    const waiting = Array.from({ length: 100 }, () => cache.getOrCompute('key', compute));
    resolve('computed');
    assert.deepEqual(new Set(await Promise.all(waiting)), new Set(['computed']));
    assert.equal(calls, 1);
  });

  it('keeps undefined like any other value', async () => {
    const cache = new TtlCache<string, undefined>({ ttlMs: 60_000, max: 1 });
    let calls = 0;
    const compute = async () => {
      calls++;
      return undefined;
    };
    await cache.getOrCompute('key', compute);
    assert.equal(await cache.getOrCompute('key', compute), undefined);
    assert.equal(calls, 1);
  });

  it('charges the group of the call that computes', async () => {
    const cache = new TtlCache<string, string>({ ttlMs: 60_000, max: 2, share: 1 / 2 });
    const of = (key: string, group: string) => cache.getOrCompute(key, async () => key, group);
    await of('quiet', 'one');
    for (const key of ['first', 'second']) await of(key, 'two');
    assert.deepEqual(
      [cache.get('quiet'), cache.get('first'), cache.get('second')],
      ['quiet', undefined, 'second'],
    );
  });

  it('computes each key separately', async () => {
    const { cache } = cacheOf(10);
    const slow = pending<string>();
    const waiting = cache.getOrCompute('slow', () => slow.promise);
    assert.equal(await cache.getOrCompute('quick', async () => 'quick'), 'quick');
    slow.resolve('slow');
    assert.equal(await waiting, 'slow');
  });

  it('rejects for every waiting caller and does not keep the rejection', async () => {
    const { cache } = cacheOf(10);
    const { promise, reject } = pending<string>();
    const waiting = [cache.getOrCompute('key', () => promise), cache.getOrCompute('key', never)];
    reject(new Error('disk failed'));
    const outcomes = await Promise.allSettled(waiting);
    for (const outcome of outcomes) {
      assert.ok(outcome.status === 'rejected');
      assert.match(String(outcome.reason), /disk failed/);
    }
    assert.equal(cache.size, 0);
    assert.equal(await cache.getOrCompute('key', async () => 'computed'), 'computed');
  });

  it('turns a synchronous throw of compute into a rejection, and does not keep it', async () => {
    const { cache } = cacheOf(10);
    const flight = cache.getOrCompute('key', () => {
      throw new Error('thrown at once');
    });
    await assert.rejects(flight, /thrown at once/);
    assert.equal(await cache.getOrCompute('key', async () => 'computed'), 'computed');
  });

  const lettingGo: [name: string, letGo: (cache: TtlCache<string, string>) => void][] = [
    ['delete', (cache) => cache.delete('key')],
    ['clear', (cache) => cache.clear()],
  ];
  for (const [name, letGo] of lettingGo) {
    it(`returns a result to its waiting callers only, after ${name} during the computation`, async () => {
      const { cache } = cacheOf(10);
      const { promise, resolve } = pending<string>();
      const waiting = cache.getOrCompute('key', () => promise);
      letGo(cache);
      resolve('old');
      assert.equal(await waiting, 'old');
      assert.equal(cache.get('key'), undefined);
      assert.equal(await cache.getOrCompute('key', async () => 'new'), 'new');
    });

    it(`never replaces the next computation with one that ${name} dropped`, async () => {
      const { cache } = cacheOf(10);
      const before = pending<string>();
      const after = pending<string>();
      const waitingBefore = cache.getOrCompute('key', () => before.promise);
      letGo(cache);
      const waitingAfter = cache.getOrCompute('key', () => after.promise);
      before.resolve('old');
      assert.equal(await waitingBefore, 'old');
      const joined = cache.getOrCompute('key', never);
      after.resolve('new');
      assert.deepEqual(await Promise.all([waitingAfter, joined]), ['new', 'new']);
      assert.equal(cache.get('key'), 'new');
    });

    it(`keeps the next computation if one that ${name} dropped fails`, async () => {
      const { cache } = cacheOf(10);
      const before = pending<string>();
      const waitingBefore = cache.getOrCompute('key', () => before.promise);
      letGo(cache);
      await cache.getOrCompute('key', async () => 'new');
      before.reject(new Error('disk failed'));
      await assert.rejects(waitingBefore, /disk failed/);
      assert.equal(cache.get('key'), 'new');
    });
  }

  it('continues a computation after delete of another key', async () => {
    const { cache } = cacheOf(10);
    const { promise, resolve } = pending<string>();
    const waiting = cache.getOrCompute('key', () => promise);
    cache.delete('other');
    resolve('computed');
    await waiting;
    assert.equal(cache.get('key'), 'computed');
  });
});

describe('TtlCache', () => {
  it('agrees with a plain Map over a seeded random run', async () => {
    const random = seededRandom(3);
    const { cache, clock } = cacheOf(4);
    const model = new Map<string, { value: string; endsAtMs: number }>();
    const modelSet = (key: string, value: string) => {
      model.delete(key);
      model.set(key, { value, endsAtMs: clock.nowMs + TTL_MS });
      const [oldest] = model.keys();
      if (model.size > 4 && oldest !== undefined) model.delete(oldest);
    };
    const modelGet = (key: string) => {
      const entry = model.get(key);
      model.delete(key);
      if (entry === undefined || entry.endsAtMs <= clock.nowMs) return undefined;
      model.set(key, entry);
      return entry.value;
    };
    for (let step = 0; step < 20_000; step += 1) {
      const key = `key ${Math.floor(random() * 7)}`;
      const dice = random();
      clock.nowMs += Math.floor(random() * 8_000);
      if (dice < 0.25) {
        cache.set(key, `set ${step}`);
        modelSet(key, `set ${step}`);
      } else if (dice < 0.6) {
        assert.equal(cache.get(key), modelGet(key), `step ${step}`);
      } else if (dice < 0.85) {
        const expected = modelGet(key) ?? `computed ${step}`;
        if (expected === `computed ${step}`) modelSet(key, expected);
        assert.equal(await cache.getOrCompute(key, async () => `computed ${step}`), expected, `step ${step}`);
      } else if (dice < 0.99) {
        cache.delete(key);
        model.delete(key);
      } else {
        cache.clear();
        model.clear();
      }
      assert.equal(cache.size, model.size, `step ${step}`);
    }
  });
});
