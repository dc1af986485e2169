import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createApp } from '../../src/app.ts';
import { sign, verify } from '../../src/auth/jwt.ts';
import { TtlCache } from '../../src/cache/ttl-cache.ts';
import { checkedClock, readClock, wholeClock } from '../../src/lib/clock.ts';
import { TokenBucket } from '../../src/limit/token-bucket.ts';
import { openStore } from '../../src/store/open.ts';

type Clock = () => number;

/** A clock as a program in JavaScript may pass it. */
function untyped(clock: unknown): Clock {
  return clock as Clock;
}

const SECRET = 'a secret of thirty-two characters';
const TOKEN = sign({ exp: 9e9 }, SECRET);
const doors: Readonly<Record<string, (now: Clock) => unknown>> = {
  checkedClock: (now) => checkedClock(now),
  wholeClock: (now) => wholeClock(now),
  readClock: (now) => readClock(now),
  'createApp: now': (now) => createApp({ now }),
  'createApp: elapsedMs': (elapsedMs) => createApp({ elapsedMs }),
  openStore: (now) => openStore('memory:', { now }),
  TokenBucket: (now) => new TokenBucket({ capacity: 1, refillPerSecond: 1, now }),
  TtlCache: (now) => new TtlCache({ ttlMs: 1, max: 1, now }),
  verify: (now) => verify(TOKEN, SECRET, { now, require: [] }),
};
const wrong: readonly (readonly [shown: string, clock: unknown])[] = [
  ['NaN', () => Number.NaN],
  ['Infinity', () => Number.POSITIVE_INFINITY],
  ["'1700000000000'", () => '1700000000000'],
  ['1970-01-01T00:00:00.000Z', () => new Date(0)],
  ['1n', () => 1n],
  ['undefined', () => undefined],
  ['1700000000000', 1_700_000_000_000],
  ['null', null],
];

for (const [name, open] of Object.entries(doors)) {
  describe(`${name}: the clock`, () => {
    for (const [shown, clock] of wrong) {
      const kind = typeof clock === 'function' ? 'one that returns' : 'a value that is not a function:';
      it(`is refused: ${kind} ${shown}`, async () => {
        const problem = `it must be a function that returns a finite number; got ${shown}`;
        const message = `Cannot use the clock: ${problem}`;
        await assert.rejects(async () => open(untyped(clock)), { name: 'TypeError', message });
      });
    }

    it('may throw', async () => {
      const fail = () => {
        throw new Error('no time');
      };
      await assert.rejects(async () => open(fail), { message: 'no time' });
    });

    it('is accepted if it returns finite numbers, fractions and times before 1970 included', async () => {
      for (const time of [0, -1.5, 1_700_000_000_000.25]) await open(() => time);
    });
  });
}

describe('checkedClock', () => {
  it('throws for a later value that is not a finite number, and for that value only', () => {
    const times = [1, 2.5, Number.NaN, 4];
    const clock = checkedClock(() => times.shift() ?? 0);
    assert.equal(clock(), 2.5);
    assert.throws(clock, { name: 'TypeError' });
    assert.equal(clock(), 4);
  });

  it('keeps one wrong time out of a token bucket', () => {
    let ms = 0;
    const bucket = new TokenBucket({ capacity: 1, refillPerSecond: 1, now: () => ms });
    assert.equal(bucket.take('a').allowed, true);
    ms = Number.NaN;
    assert.throws(() => bucket.take('a'), { name: 'TypeError' });
    ms = 1_000;
    assert.equal(bucket.take('a').allowed, true);
  });
});

describe('wholeClock', () => {
  it('returns whole milliseconds, rounded down', () => {
    const times = [0, 1.9, -1.1, 5];
    const clock = wholeClock(() => times.shift() ?? 0);
    assert.deepEqual([clock(), clock(), clock()], [1, -2, 5]);
  });
});
