import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { TurnQueue } from '../../src/http/turn-queue.ts';

function queueOf(weightMax: number) {
  const turns = new TurnQueue(weightMax);
  const done: string[] = [];
  const add = (...names: string[]) => {
    for (const name of names) turns.soon(() => done.push(name));
  };
  /** Resolves to the number of pieces done in each of the next turns. */
  const pass = async (count: number) => {
    const amounts: number[] = [];
    for (let turn = 0; turn < count; turn++) {
      const before = done.length;
      await setImmediate();
      amounts.push(done.length - before);
    }
    return amounts;
  };
  return { turns, done, add, pass };
}

describe('TurnQueue.soon', () => {
  it('starts nothing immediately, and as many pieces as it may in the next turn', async () => {
    const { done, add, pass } = queueOf(3);
    add('a', 'b', 'c');
    assert.deepEqual(done, []);
    assert.deepEqual(await pass(2), [3, 0]);
  });

  it('leaves further pieces for the next turn, in order, and later ones after them', async () => {
    const { done, add, pass } = queueOf(2);
    add('a', 'b', 'c');
    assert.deepEqual(await pass(1), [2]);
    add('d', 'e');
    assert.deepEqual(await pass(3), [2, 1, 0]);
    assert.deepEqual(done, ['a', 'b', 'c', 'd', 'e']);
  });

  it('starts a piece that a running piece adds in a later turn', async () => {
    const { turns, done, add, pass } = queueOf(2);
    turns.soon(() => add('b'));
    assert.deepEqual(await pass(3), [0, 1, 0]);
    assert.deepEqual(done, ['b']);
  });
});

describe('TurnQueue.soon with weights', () => {
  it('starts pieces of a bounded total weight, in order, and a heavier piece alone', async () => {
    const { turns, done, pass } = queueOf(10);
    for (const weight of [4, 6, 1, 25, 10, 3, 7, 1]) turns.soon(() => done.push(String(weight)), weight);
    assert.deepEqual(await pass(7), [2, 1, 1, 1, 2, 1, 0]);
    assert.deepEqual(done, ['4', '6', '1', '25', '10', '3', '7', '1']);
  });
});

describe('TurnQueue.next', () => {
  it('resolves in the order and the turns in which soon would call', async () => {
    const { turns, done, pass } = queueOf(1);
    for (const name of ['a', 'b']) void turns.next().then(() => done.push(name));
    assert.deepEqual(await pass(3), [1, 1, 0]);
    assert.deepEqual(done, ['a', 'b']);
  });
});

describe('TurnQueue.again', () => {
  it('starts a second piece ahead of the first pieces of others', async () => {
    const { turns, done, pass } = queueOf(1);
    const inTwoPieces = async (name: string) => {
      await turns.next();
      done.push(`${name} begun`);
      await turns.again();
      done.push(`${name} done`);
    };
    for (const name of ['a', 'b']) void inTwoPieces(name);
    assert.deepEqual(await pass(5), [1, 1, 1, 1, 0]);
    assert.deepEqual(done, ['a begun', 'a done', 'b begun', 'b done']);
  });
});
