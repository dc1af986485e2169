// Many requests at once, and somebody who comes a moment later and asks for little.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PIPELINED_MAX } from '../../src/http/connection.ts';
import { startServer } from '../support/server/server.ts';
import { Wire } from '../support/server/wire.ts';

const HEALTH = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n';

describe('A burst of requests delays nobody', () => {
  test('of as many as fit in a packet, on each of twenty sockets: sixty-four of each are worked on', async (t) => {
    const server = await startServer(t);
    const wires = await Promise.all(Array.from({ length: 20 }, () => Wire.open(server.port)));
    for (const wire of wires) wire.write('GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(1_500));
    assert.equal((await server.call('GET', '/healthz')).status, 200);
    const before = server.log.length;
    for (const wire of wires) await wire.closed;
    assert.equal(server.log.length, 20 * PIPELINED_MAX + 1);
    assert.ok(before < server.log.length / 2, `${before} were answered first`);
  });

  test('of a hundred pages that take long to put into words: what is short is answered between them', async (t) => {
    const server = await startServer(t);
    await server.signUp('matt');
    const { access: token } = await server.signIn('matt');
    // Six bytes each.
    const json = { title: 'Long', body: '\u0001'.repeat(10_000) };
    for (let count = 0; count < 25; count++)
      assert.equal((await server.call('POST', '/users/1/posts', { token, json })).status, 201);
    const wires = await Promise.all(Array.from({ length: 100 }, () => Wire.open(server.port, HEALTH)));
    for (const wire of wires) assert.equal((await wire.answer()).status, 200);
    const before = server.log.length;
    for (const [index, wire] of wires.entries()) {
      wire.pause();
      // No two are the same page to the cache.
      wire.write(
        `GET /users/1/posts?limit=${100 + index} HTTP/1.1\r\nHost: a\r\nAuthorization: JWT ${token}\r\n\r\n`,
      );
    }
    assert.equal((await server.call('GET', '/healthz')).status, 200);
    const between = server.log.length - before;
    for (const wire of wires) {
      wire.resume();
      assert.equal((await wire.answer()).json.length, 25);
    }
    assert.equal(server.log.length - before, wires.length + 1);
    assert.ok(between < wires.length / 2, `${between} were answered first`);
    for (const wire of wires) wire.reset();
  });
});
