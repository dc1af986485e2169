// Clients that do not take their answers and send a byte now and then instead: that is no sign of life. The server's own clock
// decides; what is waited for is that it cuts them.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setInterval } from 'node:timers/promises';
import { PIPELINED_MAX } from '../../src/http/connection.ts';
import { backlogOf, LARGE, startWithLongPage, untilHeld } from '../support/server/long-page.ts';
import { connectionsOf } from '../support/server/resources.ts';
import { assertError } from '../support/server/wire.ts';

const HOST = 'Host: localhost\r\n';
const HEALTH = `GET /healthz HTTP/1.1\r\n${HOST}\r\n`;
const TUNNEL = `CONNECT example.com:443 HTTP/1.1\r\n${HOST}\r\n`;
// All that ends them; and time enough to upload the page on a machine that has much to do.
const IMPATIENT = { timeouts: { stallMs: 5_000, requestMs: 12_000 } };
const PATIENT = { timeouts: { stallMs: 60_000, headersMs: 60_000, requestMs: 60_000 } };
const CLOSE = 'Connection: close\r\n';

describe('stallMs: a client that does not read its response', { concurrency: true }, () => {
  for (const [name, behind, crumb, lines] of [
    ['and sends nothing', '', '', ''],
    ['and sends empty lines', '', '\r\n', ''],
    ['and sends the next head in crumbs', 'GET /', 'x', ''],
    ['and sends a body in crumbs', `POST /users HTTP/1.1\r\n${HOST}Content-Length: 60000\r\n\r\n`, 'x', ''],
    ['and sends its own body in crumbs', '', 'x', 'Content-Length: 60000\r\n'],
    ['and sends one request after the other', '', HEALTH, ''],
    ['and sends more than may wait', HEALTH.repeat(PIPELINED_MAX + 1), 'x', ''],
    ['and sends on after garbage', 'garbage\r\n\r\n', 'x', ''],
    ['and sends on after a Connection: close', '', 'x', CLOSE],
    ['and wants a tunnel', TUNNEL, '', ''],
    ['and sends through a tunnel that is not there', TUNNEL, 'x', ''],
  ] as const) {
    test(`${name}, is cut`, async (t) => {
      const server = await startWithLongPage(t, IMPATIENT);
      const wire = await server.ask('192.0.2.1', behind, lines);
      // The log keeps what may be cut again by the next look.
      const isAnswered = () =>
        server.log.some((line) => line.includes('"method":"GET","path":"/users/1/posts"'));
      while (!isAnswered() && (await connectionsOf(server)) > 0);
      assert.ok(isAnswered(), 'cut before it was answered');
      let isGone = false;
      for await (const _ of setInterval(100)) {
        if (crumb !== '') await wire.flush(crumb);
        isGone = (await connectionsOf(server)) === 0;
        if (isGone) break;
      }
      assert.deepEqual(await backlogOf(server), { bytes: 0, cuts: 0 });
      wire.reset();
      await wire.closed;
    });
  }
});

describe('stallMs: a client that reads its response late', () => {
  for (const [name, behind, lines, rest] of [
    ['and asks for nothing else', '', '', []],
    ['and has asked for more', HEALTH + HEALTH, '', [200, 200]],
    ['and has sent garbage', 'garbage\r\n\r\n', '', [400]],
    ['and wants a tunnel', TUNNEL, '', [405]],
    ['and wants a tunnel, then anything', TUNNEL + HEALTH, '', [405]],
    ['and has asked for more after its last request', HEALTH, CLOSE, []],
  ] as const) {
    test(`${name}, gets all of it in order`, async (t) => {
      const server = await startWithLongPage(t, PATIENT);
      const wire = await server.ask('192.0.2.1', behind, lines);
      await untilHeld(server, 1);
      wire.resume();
      const page = await wire.answer();
      assert.equal(page.json[0].body.length, LARGE);
      for (const status of rest) {
        const answer = await wire.answer();
        if (status === 200) assert.equal(answer.status, 200);
        else assertError(answer, status);
      }
      const isLast = lines !== '' || rest.some((status) => status !== 200);
      if (!isLast) {
        // Reading goes on.
        wire.write(HEALTH);
        assert.equal((await wire.answer()).status, 200);
        wire.end();
      }
      assert.equal(await wire.closed, 'end');
      assert.equal(wire.unread, '');
    });
  }
});
