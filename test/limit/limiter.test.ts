import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Limiter, parseRate } from '../../src/limit/limiter.ts';

const START_MS = Date.UTC(2026, 10, 23, 12, 35, 13);

function limiterOf(tokens: number, windowMs: number) {
  const clock = { nowMs: START_MS };
  return { limiter: new Limiter('default', { tokens, windowMs }, () => clock.nowMs), clock };
}

function assertNear(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) < 1e-5, `${actual} is not about ${expected}`);
}

describe('parseRate', () => {
  const rates: [text: string, tokens: number, windowMs: number, reason: string][] = [
    ['10/s', 10, 1_000, 'a second'],
    ['600/m', 600, 60_000, 'a minute'],
    ['1/h', 1, 3_600_000, 'an hour'],
    ['5/d', 5, 86_400_000, 'a day'],
    ['10/15m', 10, 900_000, 'a duration with a unit'],
    ['5/90', 5, 90_000, 'a duration in seconds'],
    ['3/0.5s', 3, 500, 'a fraction of a second'],
    ['1/0.001', 1, 1, 'a millisecond, the shortest window'],
    ['1000000000/s', 1_000_000_000, 1_000, 'the most tokens'],
    ['007/m', 7, 60_000, 'zeros in front say nothing'],
  ];
  for (const [text, tokens, windowMs, reason] of rates) {
    it(`reads '${text}': ${reason}`, () => {
      assert.deepEqual(parseRate(text), { tokens, windowMs });
    });
  }

  const noRates: [text: string, reason: string][] = [
    ['', 'nothing'],
    ['off', 'a word; whoever reads the settings knows it'],
    ['600', 'no window'],
    ['600/', 'an empty window'],
    ['/m', 'no tokens'],
    ['0/m', 'no token at all'],
    ['-1/m', 'negative'],
    ['1.5/m', 'half a token'],
    ['1e3/m', 'an exponent'],
    ['600/x', 'an unknown unit'],
    ['600/M', 'a capital unit'],
    ['600/minute', 'a word for a unit'],
    ['600/-1m', 'a negative window'],
    ['600/0', 'a window of no length'],
    ['1/0.0004', 'a window under a millisecond'],
    ['600/36501d', 'a window of more than a hundred years'],
    ['600/m/s', 'two windows'],
    ['600 / m', 'spaces inside'],
    [' 600/m', 'a space in front'],
    ['600/m\n', 'a line end behind'],
    ['1000000001/s', 'a token too many'],
    ['00000000001/s', 'more digits than any rate needs'],
    ['٦/m', 'a digit that is not ASCII'],
  ];
  for (const [text, reason] of noRates) {
    it(`refuses ${JSON.stringify(text)}: ${reason}`, () => {
      assert.equal(parseRate(text), null);
    });
  }
});

describe('Limiter.take', () => {
  it('names the bucket and its rate', () => {
    const { limiter } = limiterOf(600, 60_000);
    const { name, rate } = limiter.take('key');
    assert.equal(name, 'default');
    assert.deepEqual(rate, { tokens: 600, windowMs: 60_000 });
    assert.equal(limiter.name, name);
    assert.equal(limiter.rate, rate);
  });

  it('takes one token a call and counts the keys', () => {
    const { limiter } = limiterOf(2, 60_000);
    assert.equal(limiter.size, 0);
    assert.deepEqual(
      ['a', 'a', 'a', 'b'].map((key) => limiter.take(key).allowed),
      [true, true, false, true],
    );
    assert.equal(limiter.size, 2);
  });

  type Row = [atMs: number, allowed: boolean, remaining: number, retry: number, next: number, reset: number];
  const tables: [tokens: number, windowMs: number, rows: Row[]][] = [
    [
      10,
      900_000,
      [
        [0, true, 9, 0, 90, 90],
        [0, true, 8, 0, 90, 180],
        [30_000, true, 7, 0, 60, 240],
        [89_999, true, 6, 0, 0.001, 270.001],
        [90_000, true, 6, 0, 90, 360],
        [450_000, true, 9, 0, 90, 90],
      ],
    ],
    [
      2,
      60_000,
      [
        [0, true, 1, 0, 30, 30],
        [10_000, true, 0, 0, 20, 50],
        [10_000, false, 0, 20, 20, 50],
        [29_999, false, 0, 0.001, 0.001, 30.001],
        [30_000, true, 0, 0, 30, 60],
        [120_000, true, 1, 0, 30, 30],
      ],
    ],
  ];
  for (const [tokens, windowMs, rows] of tables) {
    it(`returns what is left of ${tokens} in ${windowMs} ms, the next token and the full bucket`, () => {
      const { limiter, clock } = limiterOf(tokens, windowMs);
      for (const [atMs, allowed, remaining, retry, next, reset] of rows) {
        clock.nowMs = START_MS + atMs;
        const charge = limiter.take('key');
        assert.deepEqual([charge.allowed, charge.remaining], [allowed, remaining], `at ${atMs} ms`);
        assertNear(charge.retryAfterSeconds, retry);
        assertNear(charge.nextTokenSeconds, next);
        assertNear(charge.resetSeconds, reset);
      }
    });
  }

  const bursts: [tokens: number, windowMs: number, reason: string][] = [
    [600, 60_000, 'a tenth of a second is no exact double'],
    [7, 60_000, 'an interval that is no whole number of milliseconds'],
    [9, 1_000, 'one whose seconds are rounded differently on the two ways to them'],
    [15, 1_000, 'one of thirds'],
    [13, 3_600_000, 'a long one'],
  ];
  for (const [tokens, windowMs, reason] of bursts) {
    it(`puts the next token a whole interval away all through a burst of ${tokens} in ${windowMs} ms: ${reason}`, () => {
      const { limiter } = limiterOf(tokens, windowMs);
      for (let taken = 1; taken <= tokens; taken += 1) {
        const charge = limiter.take('key');
        assert.equal(charge.remaining, tokens - taken);
        assertNear(charge.nextTokenSeconds, windowMs / 1000 / tokens);
        assertNear(charge.resetSeconds, (taken * windowMs) / 1000 / tokens);
      }
    });
  }
});

describe('Limiter.give', () => {
  it('puts one token back', () => {
    const { limiter } = limiterOf(2, 60_000);
    limiter.take('key');
    limiter.take('key');
    assert.equal(limiter.take('key').allowed, false);
    limiter.give('key');
    assert.equal(limiter.take('key').allowed, true);
    assert.equal(limiter.take('key').allowed, false);
  });

  it('changes nothing for a key that never took', () => {
    const { limiter } = limiterOf(1, 60_000);
    limiter.give('key');
    assert.equal(limiter.size, 0);
    assert.equal(limiter.take('key').allowed, true);
    assert.equal(limiter.take('key').allowed, false);
  });
});
