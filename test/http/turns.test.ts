import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { Turns } from '../../src/http/turns.ts';

/** Turns on a clock that only work moves, and what was done in each. */
function turnsOf() {
  const clock = { ms: 0 };
  const turns = new Turns({ elapsedMs: () => clock.ms });
  const done: string[][] = [[]];
  const add = (name: string, tookMs: number) =>
    turns.soon((it) => {
      clock.ms += tookMs;
      done.at(-1)?.push(it);
    }, name);
  const pass = async () => {
    await setImmediate();
    done.push([]);
  };
  return { turns, clock, done, add, pass };
}

describe('Turns', () => {
  it('do nothing at once, and everything in one turn that takes little', async () => {
    const { done, add, pass } = turnsOf();
    for (let number = 0; number < 100; number++) add(`${number}`, 0.05);
    assert.deepEqual(done, [[]]);
    await pass();
    assert.equal(done[0]?.length, 100);
  });

  it('leave for the next turn what has no time in this one, in order, and one piece is always done', async () => {
    const { done, add, pass } = turnsOf();
    for (const [name, tookMs] of [
      ['a', 4],
      ['b', 5],
      ['c', 1],
      ['d', 500],
      ['e', 9],
      ['f', 1],
    ] as const)
      add(name, tookMs);
    for (let count = 0; count < 4; count++) await pass();
    assert.deepEqual(done, [['a', 'b', 'c'], ['d'], ['e', 'f'], [], []]);
  });

  it('put behind them what comes in between', async () => {
    const { done, add, pass } = turnsOf();
    for (const name of ['a', 'b', 'c']) add(name, 10);
    await pass();
    add('d', 10);
    for (let count = 0; count < 3; count++) await pass();
    assert.deepEqual(done, [['a'], ['b'], ['c'], ['d'], []]);
  });

  it('count the time that a piece takes for what it awaits', async () => {
    const { turns, clock, done, pass } = turnsOf();
    const dear = async (name: string) => {
      await turns.next();
      await Promise.resolve();
      clock.ms += 10;
      done.at(-1)?.push(name);
    };
    void dear('a');
    void dear('b');
    await pass();
    await pass();
    assert.deepEqual(done, [['a'], ['b'], []]);
  });
});
