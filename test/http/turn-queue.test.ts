import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { TurnQueue } from '../../src/http/turn-queue.ts';

/** Turns on a clock that only work moves, and how much was done in each. */
function turnsOf(piecesMax: number) {
  const clock = { ms: 0 };
  const turns = new TurnQueue({ piecesMax, elapsedMs: () => clock.ms });
  const done: string[] = [];
  const add = (name: string, tookMs: number) =>
    turns.soon(() => {
      done.push(name);
      clock.ms += tookMs;
    });
  /** How much of it was done in each of the next turns. */
  const pass = async (count: number) => {
    const amounts: number[] = [];
    for (let turn = 0; turn < count; turn++) {
      const before = done.length;
      await setImmediate();
      amounts.push(done.length - before);
    }
    return amounts;
  };
  return { turns, clock, done, add, pass };
}

function times<T>(count: number, make: (number: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

describe('TurnQueue', () => {
  it('do nothing at once, and in one turn everything that is little', async () => {
    const { done, add, pass } = turnsOf(100);
    times(100, (number) => add(`${number}`, 0.05));
    assert.deepEqual(done, []);
    assert.deepEqual(await pass(2), [100, 0]);
  });

  it('leave for the next turn what is too many, in order, and put behind it what comes then', async () => {
    const { done, add, pass } = turnsOf(2);
    for (const name of ['a', 'b', 'c']) add(name, 0);
    assert.deepEqual(await pass(1), [2]);
    for (const name of ['d', 'e']) add(name, 0);
    assert.deepEqual(await pass(3), [2, 1, 0]);
    assert.deepEqual(done, ['a', 'b', 'c', 'd', 'e']);
  });

  it('begin as many as have time after some that had taken too long, and one at least', async () => {
    const { add, pass } = turnsOf(8);
    times(16, () => add('dear', 5));
    assert.deepEqual(await pass(5), [8, 2, 2, 2, 2]);
    const { add: addDearer, pass: passDearer } = turnsOf(8);
    times(10, () => addDearer('dearer', 500));
    assert.deepEqual(await passDearer(3), [8, 1, 1]);
  });

  it('come back to many in a few turns, as long as they are cheap', async () => {
    const { add, pass } = turnsOf(8);
    times(9, () => add('dear', 500));
    assert.deepEqual(await pass(2), [8, 1]);
    times(30, () => add('cheap', 0.1));
    assert.deepEqual(await pass(6), [1, 2, 4, 8, 8, 7]);
  });

  it('count the time that a piece takes for what it awaits', async () => {
    const { turns, clock, done, pass } = turnsOf(2);
    const dear = async (name: string) => {
      await turns.next();
      await Promise.resolve();
      clock.ms += 10;
      done.push(name);
    };
    for (const name of ['a', 'b', 'c', 'd']) void dear(name);
    assert.deepEqual(await pass(3), [2, 1, 1]);
    assert.deepEqual(done, ['a', 'b', 'c', 'd']);
  });
});
