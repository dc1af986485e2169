import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TokenBucket } from '../../src/limit/token-bucket.ts';
import { seededRandom } from '../support/model/random.ts';

// A moment of today's size: near zero a double has fractions of a millisecond to spare that a real clock's does not.
const START_MS = Date.UTC(2026, 10, 23, 12, 35, 13);

/** A bucket of `tokens` a window with a clock that the test moves. */
function bucketOf(tokens: number, windowSeconds: number, maxKeys?: number) {
  const clock = { nowMs: START_MS };
  const bucket = new TokenBucket({
    capacity: tokens,
    refillPerSecond: tokens / windowSeconds,
    ...(maxKeys === undefined ? {} : { maxKeys }),
    now: () => clock.nowMs,
  });
  return { bucket, clock };
}

/** How many takes succeed before the first that does not. */
function drain(bucket: TokenBucket, takesMax: number): number {
  for (let taken = 0; taken < takesMax; taken += 1) if (!bucket.take('key').allowed) return taken;
  return takesMax;
}

function assertNear(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) < 1e-5, `${actual} is not about ${expected}`);
}

const rates: [tokens: number, windowSeconds: number, reason: string][] = [
  [600, 60, '100 ms a token'],
  [10, 900, '90 s a token'],
  [1, 1, 'one token'],
  [1, 86_400, 'one token a day'],
  [7, 60, 'an interval that is no whole number of milliseconds'],
  [15, 1, 'one of thirds'],
  [37, 1, 'one that repeats after three digits'],
  [700, 60, 'many takes of such an interval add up'],
  [997, 86_400, 'a prime number of tokens a day'],
];

describe('TokenBucket.take', () => {
  for (const [tokens, windowSeconds, reason] of rates) {
    it(`allows a burst of exactly ${tokens} at ${tokens}/${windowSeconds}s: ${reason}`, () => {
      assert.equal(drain(bucketOf(tokens, windowSeconds).bucket, tokens + 5), tokens);
    });

    it(`counts remaining down to 0 at ${tokens}/${windowSeconds}s: ${reason}`, () => {
      const { bucket } = bucketOf(tokens, windowSeconds);
      for (let left = tokens - 1; left >= 0; left -= 1) assert.equal(bucket.take('key').remaining, left);
    });

    it(`allows exactly one after retryAfterSeconds at ${tokens}/${windowSeconds}s: ${reason}`, () => {
      const { bucket, clock } = bucketOf(tokens, windowSeconds);
      drain(bucket, tokens + 1);
      for (let round = 0; round < 20; round += 1) {
        const allowedAtMs = clock.nowMs + bucket.take('key').retryAfterSeconds * 1000;
        clock.nowMs = allowedAtMs - 1;
        assert.equal(bucket.take('key').allowed, false, `round ${round}, 1 ms before`);
        clock.nowMs = allowedAtMs;
        assert.equal(bucket.take('key').allowed, true, `round ${round}`);
        assert.equal(bucket.take('key').allowed, false, `round ${round}, a second one`);
      }
    });
  }

  const boundaries: [tokens: number, windowSeconds: number, refusedMs: number, allowedMs: number][] = [
    [600, 60, 99, 100],
    [10, 900, 89_999, 90_000],
    [1, 1, 999, 1_000],
    [7, 60, 8_571, 8_572],
    [3, 1, 333, 334],
  ];
  for (const [tokens, windowSeconds, refusedMs, allowedMs] of boundaries) {
    it(`refuses at ${refusedMs} ms and allows at ${allowedMs} ms when ${tokens}/${windowSeconds}s is drained`, () => {
      const { bucket, clock } = bucketOf(tokens, windowSeconds);
      drain(bucket, tokens);
      clock.nowMs = START_MS + refusedMs;
      assert.equal(bucket.take('key').allowed, false);
      clock.nowMs = START_MS + allowedMs;
      assert.equal(bucket.take('key').allowed, true);
      assert.equal(bucket.take('key').allowed, false);
    });
  }

  it('returns what is left and when it is refilled', () => {
    const { bucket, clock } = bucketOf(10, 900);
    assert.deepEqual(bucket.take('key'), {
      allowed: true,
      remaining: 9,
      retryAfterSeconds: 0,
      resetSeconds: 90,
    });
    clock.nowMs += 60_000;
    assert.deepEqual(bucket.take('key'), {
      allowed: true,
      remaining: 8,
      retryAfterSeconds: 0,
      resetSeconds: 120,
    });
    drain(bucket, 8);
    clock.nowMs += 1_000;
    assert.deepEqual(bucket.take('key'), {
      allowed: false,
      remaining: 0,
      retryAfterSeconds: 29,
      resetSeconds: 839,
    });
  });

  it('takes nothing if it refuses', () => {
    const { bucket, clock } = bucketOf(10, 900);
    drain(bucket, 10);
    for (let attempt = 0; attempt < 1_000; attempt += 1) bucket.take('key');
    clock.nowMs += 90_000;
    assert.equal(bucket.take('key').allowed, true);
  });

  it('refills an idle bucket to its capacity and no further', () => {
    const { bucket, clock } = bucketOf(10, 900);
    drain(bucket, 10);
    clock.nowMs += 30 * 86_400_000;
    assert.equal(drain(bucket, 20), 10);
  });

  it('keeps a separate bucket for each key', () => {
    const { bucket } = bucketOf(1, 60);
    assert.equal(bucket.take('a').allowed, true);
    assert.equal(bucket.take('a').allowed, false);
    assert.equal(bucket.take('b').allowed, true);
    assert.equal(bucket.size, 2);
  });

  it('treats a number and its digits as two keys', () => {
    const { bucket } = bucketOf(1, 60);
    for (const key of [1, '1']) assert.equal(bucket.take(key).allowed, true);
    for (const key of [1, '1']) assert.equal(bucket.take(key).allowed, false);
    bucket.give(1);
    assert.equal(bucket.take('1').allowed, false);
    assert.equal(bucket.take(1).allowed, true);
  });

  it('takes a cost over 1 in full or not at all', () => {
    const { bucket, clock } = bucketOf(10, 10);
    assert.deepEqual(bucket.take('key', 7), {
      allowed: true,
      remaining: 3,
      retryAfterSeconds: 0,
      resetSeconds: 7,
    });
    assert.deepEqual(bucket.take('key', 4), {
      allowed: false,
      remaining: 3,
      retryAfterSeconds: 1,
      resetSeconds: 7,
    });
    assert.equal(bucket.take('key', 3).remaining, 0);
    clock.nowMs += 3_999;
    assert.equal(bucket.take('key', 4).allowed, false);
    clock.nowMs += 1;
    assert.equal(bucket.take('key', 4).allowed, true);
  });

  it('takes a fraction of a token', () => {
    const { bucket } = bucketOf(1, 1);
    assert.equal(bucket.take('key', 0.5).remaining, 0);
    assert.equal(bucket.take('key', 0.5).allowed, true);
    assert.equal(bucket.take('key', 0.5).allowed, false);
  });

  it('always allows a cost of 0, and takes nothing', () => {
    const { bucket } = bucketOf(10, 10);
    assert.deepEqual(bucket.take('key', 0), {
      allowed: true,
      remaining: 10,
      retryAfterSeconds: 0,
      resetSeconds: 0,
    });
    drain(bucket, 10);
    assert.deepEqual(bucket.take('key', 0), {
      allowed: true,
      remaining: 0,
      retryAfterSeconds: 0,
      resetSeconds: 10,
    });
  });

  it('always refuses a cost over the capacity, but not one equal to it', () => {
    const { bucket } = bucketOf(10, 10);
    for (const cost of [10.5, 11, Number.POSITIVE_INFINITY]) {
      const { allowed, remaining, retryAfterSeconds } = bucket.take('key', cost);
      assert.deepEqual([allowed, remaining, retryAfterSeconds], [false, 10, Number.POSITIVE_INFINITY]);
    }
    assert.equal(bucket.take('key', 10).allowed, true);
    assert.equal(bucket.take('key', 11).retryAfterSeconds, Number.POSITIVE_INFINITY);
    assert.equal(bucket.take('key', 10).retryAfterSeconds, 10);
  });

  it('throws for a cost that is negative or NaN', () => {
    const { bucket } = bucketOf(10, 10);
    assert.throws(() => bucket.take('key', -1), RangeError);
    assert.throws(() => bucket.take('key', Number.NaN), RangeError);
    assert.equal(bucket.size, 0);
  });

  it('agrees with exact arithmetic on every take of a seeded random run', () => {
    const random = seededRandom(20);
    for (const [tokens, windowSeconds] of rates) {
      const { bucket, clock } = bucketOf(tokens, windowSeconds);
      // In units of 1/windowMs of a token a whole millisecond refills `tokens` units: nothing is ever rounded.
      const windowMs = BigInt(windowSeconds * 1000);
      const capacity = BigInt(tokens) * windowMs;
      let units = capacity;
      const stepMsMax = (3 * windowSeconds * 1000) / tokens;
      for (let step = 0; step < 5_000; step += 1) {
        const elapsedMs = random() < 0.4 ? 0 : Math.floor(random() * stepMsMax);
        clock.nowMs += elapsedMs;
        units += BigInt(elapsedMs) * BigInt(tokens);
        if (units > capacity) units = capacity;
        const cost = random() < 0.7 ? 1 : Math.floor(random() * 6);
        const wanted = BigInt(cost) * windowMs;
        const allowed = wanted <= units;
        if (allowed) units -= wanted;
        assert.equal(bucket.take('key', cost).allowed, allowed, `${tokens}/${windowSeconds}s, step ${step}`);
      }
    }
  });
});

describe('TokenBucket.give', () => {
  it('puts back what was taken', () => {
    const { bucket } = bucketOf(10, 10);
    drain(bucket, 10);
    bucket.give('key');
    assert.equal(drain(bucket, 10), 1);
    bucket.give('key', 4);
    assert.equal(drain(bucket, 10), 4);
  });

  it('fills the bucket to its capacity and no further', () => {
    const { bucket } = bucketOf(10, 10);
    bucket.take('key');
    bucket.give('key', 1_000);
    assert.deepEqual(bucket.take('key', 0), {
      allowed: true,
      remaining: 10,
      retryAfterSeconds: 0,
      resetSeconds: 0,
    });
    assert.equal(drain(bucket, 20), 10);
  });

  it('does nothing for a key that never took', () => {
    const { bucket } = bucketOf(10, 10);
    bucket.give('key');
    assert.equal(bucket.size, 0);
  });
});

describe('TokenBucket maxKeys', () => {
  it('limits the remembered keys to 100,000 by default', () => {
    const { bucket } = bucketOf(10, 10);
    for (let client = 0; client < 1_000_000; client += 1) bucket.take(`client ${client}`);
    assert.equal(bucket.size, 100_000);
  });

  it('evicts no bucket that is not full, however many keys arrive', () => {
    for (const left of [0, 1, 9]) {
      const { bucket } = bucketOf(10, 900, 100);
      bucket.take('key', 10 - left);
      for (let number = 0; number < 10_000; number += 1) bucket.take(`flood ${number}`);
      assert.equal(bucket.take('key', 0).remaining, left);
      assert.equal(bucket.size, 100);
    }
  });

  it('makes new keys share one bucket while there is no room, and no others', () => {
    const { bucket } = bucketOf(2, 60, 2);
    assert.deepEqual(
      ['a', 'b', 'c', 'd', 'e', 'c', 'a', 'b'].map((key) => bucket.take(key).allowed),
      [true, true, true, true, false, false, true, true],
    );
    assert.equal(bucket.size, 2);
  });

  it('evicts full buckets for new keys, and no others', () => {
    const { bucket, clock } = bucketOf(2, 60, 3);
    bucket.take('emptied', 2);
    for (const key of ['a', 'b']) bucket.take(key);
    clock.nowMs += 29_999;
    bucket.take('stranger', 2);
    assert.equal(bucket.size, 3);
    clock.nowMs += 1;
    bucket.take('new');
    assert.equal(bucket.size, 2);
    assert.equal(bucket.take('emptied', 0).remaining, 1);
    assert.equal(bucket.take('new', 0).remaining, 0);
  });

  it('creates a bucket with the tokens left in the shared one, which that key may have taken', () => {
    const { bucket, clock } = bucketOf(2, 60, 1);
    bucket.take('a');
    assert.equal(bucket.take('b', 2).allowed, true);
    clock.nowMs += 30_000;
    assert.deepEqual(
      [1, 2, 3].map(() => bucket.take('b').allowed),
      [true, false, false],
    );
    clock.nowMs += 60_000;
    assert.equal(bucket.take('b', 2).allowed, true);
  });

  it('returns tokens to the shared bucket they were taken from', () => {
    const { bucket } = bucketOf(1, 60, 1);
    for (const key of ['a', 'b']) assert.equal(bucket.take(key).allowed, true);
    assert.equal(bucket.take('c').allowed, false);
    bucket.give('b');
    assert.equal(bucket.take('c').allowed, true);
    assert.equal(bucket.take('a').allowed, false);
  });

  it('keeps only some of the buckets that were full long ago', () => {
    const { bucket, clock } = bucketOf(10, 10);
    for (let number = 0; number < 10_000; number += 1) {
      bucket.take(`client ${number}`);
      clock.nowMs += 10;
    }
    // A hundred come in the second that a token takes.
    assert.ok(bucket.size >= 100 && bucket.size < 200, `${bucket.size} are kept`);
  });

  it('allows no key more than a bucket of its own would, in a seeded random run', () => {
    const random = seededRandom(22);
    const { bucket, clock } = bucketOf(5, 50, 8);
    const { bucket: alone, clock: clockAlone } = bucketOf(5, 50, 1_000);
    let stricter = 0;
    for (let step = 0; step < 50_000; step += 1) {
      // Busy and quiet times in turns, so that there is no room at times, and room again.
      const stepMsMax = step % 1_000 < 500 ? 500 : 20_000;
      clock.nowMs += Math.floor(random() * stepMsMax);
      clockAlone.nowMs = clock.nowMs;
      const key = `key ${Math.floor(random() * random() * 40)}`;
      const { allowed } = bucket.take(key);
      if (allowed) assert.equal(alone.take(key).allowed, true, `step ${step}, ${key}`);
      else if (alone.take(key, 0).remaining > 0) stricter += 1;
      assert.ok(bucket.size <= 8);
    }
    // It was about something: for some there was no room.
    assert.ok(stricter > 100, `${stricter} were refused for others' sake`);
  });
});

describe('TokenBucket now', () => {
  it('is the real one by default', () => {
    const bucket = new TokenBucket({ capacity: 1, refillPerSecond: 1 / 86_400 });
    assert.equal(bucket.take('key').allowed, true);
    const { allowed, retryAfterSeconds } = bucket.take('key');
    assert.equal(allowed, false);
    assert.ok(retryAfterSeconds > 86_000 && retryAfterSeconds <= 86_400);
  });

  it('set back, reports no more than an empty bucket', () => {
    const { bucket, clock } = bucketOf(10, 10);
    bucket.take('key', 10);
    clock.nowMs -= 3_600_000;
    const { remaining, retryAfterSeconds, resetSeconds } = bucket.take('key');
    assert.equal(remaining, 0);
    assertNear(retryAfterSeconds, 1);
    assertNear(resetSeconds, 10);
  });

  it('set back, never waits longer than an empty bucket would', () => {
    const { bucket, clock } = bucketOf(10, 10);
    bucket.take('key', 10);
    clock.nowMs -= 3_600_000;
    bucket.take('key');
    clock.nowMs += 1_000;
    assert.equal(bucket.take('key').allowed, true);
    clock.nowMs += 10_000;
    assert.equal(drain(bucket, 20), 10);
  });

  it('set back, delays eviction for no longer than it takes to fill a bucket', () => {
    const { bucket, clock } = bucketOf(10, 10, 2);
    for (const key of ['a', 'b']) bucket.take(key, 10);
    clock.nowMs -= 3_600_000;
    bucket.take('c', 10);
    clock.nowMs += 10_000;
    bucket.take('d');
    assert.equal(bucket.size, 1);
  });
});

describe('new TokenBucket', () => {
  const noBuckets: [capacity: number, refillPerSecond: number, maxKeys: number, reason: string][] = [
    [0, 1, 1, 'no capacity'],
    [-1, 1, 1, 'a negative capacity'],
    [Number.NaN, 1, 1, 'a capacity that is no number'],
    [Number.POSITIVE_INFINITY, 1, 1, 'an infinite capacity'],
    [1, 0, 1, 'no refill'],
    [1, -1, 1, 'a negative refill'],
    [1, Number.NaN, 1, 'a refill that is no number'],
    [1, Number.POSITIVE_INFINITY, 1, 'an infinite refill'],
    [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 1, 'both infinite'],
    [1, 1, 0, 'room for no key'],
    [1, 1, 1.5, 'room for half a key'],
  ];
  for (const [capacity, refillPerSecond, maxKeys, reason] of noBuckets) {
    it(`rejects ${reason}`, () => {
      assert.throws(() => new TokenBucket({ capacity, refillPerSecond, maxKeys }), RangeError);
    });
  }

  it('accepts a fraction for both', () => {
    const bucket = new TokenBucket({ capacity: 1.5, refillPerSecond: 0.25, now: () => START_MS });
    assert.equal(drain(bucket, 5), 1);
  });
});
