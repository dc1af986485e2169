import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Shares } from '../../src/http/shares.ts';

describe('Shares', () => {
  it('finds the client with the largest total, not the one with the most items', () => {
    const shares = new Shares<string>();
    for (const item of ['a', 'b', 'c']) shares.add('many', item, 10);
    shares.add('large', 'd', 31);
    assert.equal(shares.largest(), 'large');
    shares.delete('d');
    assert.equal(shares.largest(), 'many');
    assert.deepEqual([shares.total, shares.size], [30, 3]);
  });

  it('finds the preferred client only if no other holds more', () => {
    const shares = new Shares<string>();
    for (const client of ['first', 'second']) shares.add(client, client, 2);
    assert.equal(shares.largest(), 'first');
    assert.equal(shares.largest('second'), 'second');
    shares.add('first', 'more', 1);
    assert.equal(shares.largest('second'), 'first');
  });

  it('lists the items of a client from the oldest to the newest, which `renew` changes', () => {
    const shares = new Shares<string>();
    for (const item of ['a', 'b', 'c']) shares.add('client', item);
    shares.renew('a');
    assert.deepEqual(shares.itemsOf('client'), ['b', 'c', 'a']);
    assert.deepEqual(shares.itemsOf('other'), []);
  });

  it('ignores an item that it does not hold, and deletes each item once', () => {
    const shares = new Shares<string>();
    shares.add('client', 'a', 5);
    shares.renew('b');
    shares.delete('b');
    assert.equal(shares.total, 5);
    shares.delete('a');
    shares.delete('a');
    shares.renew('a');
    assert.deepEqual([shares.total, shares.size], [0, 0]);
    assert.equal(shares.largest(), '');
  });
});
