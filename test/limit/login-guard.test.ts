import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { JotError } from '../../src/lib/errors.ts';
import { LoginGuard } from '../../src/limit/login-guard.ts';

const START_MS = Date.UTC(2026, 10, 23, 12, 35, 13);
const REFUSED = { code: 'rate_limited', message: 'Too many failed logins' };
const IDS: Readonly<Record<string, number>> = { matt: 1, elie: 2 };
const UNDECIDED = { code: 'unavailable', details: { retryAfterSeconds: 1 } };

/** A guard that lets `tokens` logins of a name from one address fail in an hour. */
function guardOf(tokens: number) {
  const clock = { nowMs: START_MS };
  const guard = new LoginGuard({ tokens, windowMs: 3_600_000 }, () => clock.nowMs);
  const fail = (name: string, address: string, times = 1) => {
    for (let count = 0; count < times; count += 1) guard.attempt(name, address, IDS[name] ?? null).fail();
  };
  return { guard, clock, fail };
}

/** What an attempt is told: seconds to wait, or null when it may be made. It leaves nothing behind. */
function answerOf(guard: LoginGuard, name: string, address: string): [code: string, wait?: number] | null {
  try {
    guard.attempt(name, address, IDS[name] ?? null).forgive();
    return null;
  } catch (error) {
    if (!(error instanceof JotError)) throw error;
    return [error.code, error.details.retryAfterSeconds ?? 0];
  }
}

describe('LoginGuard.attempt', () => {
  it('refuses after the allowed failures, and admits one more once a token is refilled', () => {
    const { guard, clock, fail } = guardOf(3);
    fail('matt', 'A', 3);
    assert.throws(() => guard.attempt('matt', 'A', 1), REFUSED);
    assert.deepEqual(answerOf(guard, 'matt', 'A'), ['rate_limited', 1200]);
    clock.nowMs += 1_200_000;
    fail('matt', 'A');
    assert.throws(() => guard.attempt('matt', 'A', 1), REFUSED);
  });

  it('does not count a forgiven attempt', () => {
    const { guard, fail } = guardOf(1);
    for (let count = 0; count < 100; count += 1) guard.attempt('matt', 'A', 1).forgive();
    fail('matt', 'A');
    assert.throws(() => guard.attempt('matt', 'A', 1), REFUSED);
  });

  it('counts attempts under way, and is undecided while they are', () => {
    const { guard } = guardOf(2);
    const [first, second] = [guard.attempt('matt', 'A', 1), guard.attempt('matt', 'A', 1)];
    assert.throws(() => guard.attempt('matt', 'A', 1), UNDECIDED);
    first.forgive();
    const third = guard.attempt('matt', 'A', 1);
    second.fail();
    assert.throws(() => guard.attempt('matt', 'A', 1), UNDECIDED);
    third.fail();
    assert.throws(() => guard.attempt('matt', 'A', 1), REFUSED);
  });

  it('returns the same for an address whether or not another address is being checked', () => {
    const { guard, fail } = guardOf(2);
    fail('matt', 'A', 2);
    const alone = answerOf(guard, 'matt', 'A');
    assert.deepEqual(alone, ['rate_limited', 1800]);
    const other = guard.attempt('matt', 'B', 1);
    assert.deepEqual(answerOf(guard, 'matt', 'A'), alone);
    other.fail();
    assert.deepEqual(answerOf(guard, 'matt', 'A'), alone);
  });

  it('is undecided about a name from everywhere while any of its attempts is under way', () => {
    const { guard, fail } = guardOf(1);
    for (let number = 1; number < 10; number += 1) fail('matt', `address ${number}`);
    const last = guard.attempt('matt', 'B', 1);
    assert.throws(() => guard.attempt('matt', 'A', 1), UNDECIDED);
    assert.throws(() => guard.attempt('matt', 'address 1', 1), REFUSED);
    last.fail();
    assert.deepEqual(answerOf(guard, 'matt', 'A'), ['rate_limited', 360]);
    assert.equal(answerOf(guard, 'elie', 'A'), null);
  });

  it('takes from neither bucket if one of them refuses', () => {
    const { guard, clock, fail } = guardOf(1);
    fail('matt', 'A');
    for (let count = 0; count < 100; count += 1) assert.throws(() => guard.attempt('matt', 'A', 1), REFUSED);
    for (let number = 1; number < 10; number += 1) fail('matt', `address ${number}`);
    for (let count = 0; count < 100; count += 1) assert.throws(() => guard.attempt('matt', 'B', 1), REFUSED);
    clock.nowMs += 360_000;
    assert.equal(answerOf(guard, 'matt', 'B'), null);
  });

  it('remembers a failed name and its address until their tokens are refilled', () => {
    const { guard, clock, fail } = guardOf(1);
    assert.equal(guard.size, 0);
    fail('matt', 'A');
    fail('matt', 'B');
    assert.equal(guard.size, 3);
    clock.nowMs += 3_600_000;
    fail('elie', 'A');
    assert.equal(guard.size, 2);
  });

  it('admits an address the name has signed in from, however many fail elsewhere', () => {
    const { guard, fail } = guardOf(2);
    guard.attempt('matt', 'home', 1).succeed();
    guard.attempt('matt', 'undecided', 1).forgive();
    for (let number = 1; number <= 10; number += 1) fail('matt', `address ${number}`, 2);
    assert.equal(answerOf(guard, 'matt', 'home'), null);
    for (const other of ['undecided', 'address 1', 'new'])
      assert.throws(() => guard.attempt('matt', other, 1), REFUSED);
    guard.attempt('elie', 'home', 2).succeed();
    for (let number = 1; number <= 10; number += 1) fail('elie', `address ${number}`, 2);
    assert.throws(() => guard.attempt('elie', 'address 1', 2), REFUSED);
  });

  it('admits it for the account that signed in only, not for another with its name, or none', () => {
    const { guard, fail } = guardOf(2);
    guard.attempt('matt', 'home', 1).succeed();
    guard.attempt('matt', 'home', null).succeed();
    for (let number = 1; number <= 10; number += 1) fail('matt', `address ${number}`, 2);
    for (const userId of [2, null]) assert.throws(() => guard.attempt('matt', 'home', userId), REFUSED);
    guard.attempt('matt', 'home', 1).forgive();
  });

  it('counts a failure from such an address there, and nowhere else', () => {
    const { guard, fail } = guardOf(2);
    guard.attempt('matt', 'home', 1).succeed();
    fail('matt', 'home', 2);
    assert.throws(() => guard.attempt('matt', 'home', 1), REFUSED);
    for (let number = 1; number <= 10; number += 1) fail('matt', `address ${number}`, 2);
    assert.throws(() => guard.attempt('matt', 'new', 1), REFUSED);
  });

  it('remembers eight addresses of a user, and evicts the least recently used one', () => {
    const { guard, fail } = guardOf(1);
    for (let number = 1; number <= 8; number += 1) guard.attempt('matt', `home ${number}`, 1).succeed();
    guard.attempt('matt', 'home 1', 1).succeed();
    guard.attempt('matt', 'home 9', 1).succeed();
    for (let number = 1; number <= 10; number += 1) fail('matt', `address ${number}`);
    assert.throws(() => guard.attempt('matt', 'home 2', 1), REFUSED);
    for (const number of [1, 3, 9]) assert.equal(answerOf(guard, 'matt', `home ${number}`), null);
  });

  it("does not forget another user's address when one user signs in from 20,000", () => {
    const { guard, fail } = guardOf(1);
    guard.attempt('matt', 'home', 1).succeed();
    for (let number = 1; number <= 20_000; number += 1)
      guard.attempt('elie', `address ${number}`, 2).succeed();
    for (let number = 1; number <= 10; number += 1) fail('matt', `address ${number}`);
    assert.equal(answerOf(guard, 'matt', 'home'), null);
    assert.throws(() => guard.attempt('matt', 'address 20000', 1), REFUSED);
  });

  it('does not forget a user when 2,000 users sign in from eight addresses each', () => {
    const { guard, fail } = guardOf(1);
    guard.attempt('matt', 'home', 1).succeed();
    for (let user = 2; user <= 2_001; user += 1) {
      for (let number = 1; number <= 8; number += 1)
        guard.attempt(`user ${user}`, `address ${number}`, user).succeed();
    }
    for (let number = 1; number <= 10; number += 1) fail('matt', `address ${number}`);
    assert.equal(answerOf(guard, 'matt', 'home'), null);
  });

  it('forgets the user who signed in longest ago above its maximum', () => {
    const { guard, fail } = guardOf(1);
    guard.attempt('matt', 'home', 1).succeed();
    guard.attempt('elie', 'home', 2).succeed();
    for (let number = 1; number < 10_000; number += 1)
      guard.attempt(`user ${number}`, 'home', 2 + number).succeed();
    for (const name of ['matt', 'elie']) {
      for (let number = 1; number <= 10; number += 1) fail(name, `address ${number}`);
    }
    assert.throws(() => guard.attempt('matt', 'home', 1), REFUSED);
    assert.equal(answerOf(guard, 'elie', 'home'), null);
  });

  it('without a rate refuses no attempt and remembers nothing', () => {
    const guard = new LoginGuard(null, () => START_MS);
    for (let count = 0; count < 1_000; count += 1) guard.attempt('matt', 'A', 1).fail();
    assert.equal(guard.size, 0);
  });
});
