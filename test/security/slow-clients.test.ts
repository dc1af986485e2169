// Clients that cost a server what they don't pay: slow ones, ones that go away half-way, ones that come in numbers, and ones
// that cut their bodies into crumbs. What is waited for is the server's answer; no clock of the test's own decides.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setInterval } from 'node:timers/promises';
import { PIPELINED_MAX } from '../../src/http/connection.ts';
import { DEFAULT_TIMEOUTS } from '../../src/http/server.ts';
import { backlogOf, LARGE, startWithLongPage, untilHeld } from '../support/server/long-page.ts';
import { bytesInUse, connectionsOf, openDescriptors } from '../support/server/resources.ts';
import { startServer, type TestServer } from '../support/server/server.ts';
import { assertError, Wire } from '../support/server/wire.ts';

const IMPATIENT = { timeouts: { headersMs: 300, requestMs: 600, checkIntervalMs: 50 } };
const HEALTH = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n';
const BODY = '{"username":"matt","password":"secret"}';
const HEAD = 'POST /users HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';
const UPLOAD = `${HEAD}Content-Length: 60000\r\n\r\n{"username":"`;
const CHUNKED = `${HEAD}Transfer-Encoding: chunked\r\n\r\n`;
const MIB = 1024 * 1024;
// Small on the wire and large in memory.
const HEAVY = `GET /healthz HTTP/1.1\r\nHost: a\r\n${'a:b\r\n'.repeat(195)}\r\n`;

describe('Time for a head and for a request has a limit', { concurrency: true }, () => {
  test('is checked every second: no client is cut more than that after its limit', () => {
    const { headersMs, requestMs, checkIntervalMs } = DEFAULT_TIMEOUTS;
    assert.deepEqual([headersMs, requestMs, checkIntervalMs], [10_000, 30_000, 1_000]);
  });

  for (const [name, start, crumb] of [
    ['a request line', 'GET /', 'x'],
    ['headers', 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n', 'A:\r\n'],
    ['a body', `${HEAD}Content-Length: 60000\r\n\r\n`, 'x'],
    ['chunks', CHUNKED, '1\r\nx\r\n'],
    ['a chunk’s size', CHUNKED, '0'],
    ['a chunk’s extension', `${CHUNKED}1;`, 'x'],
    ['trailers', `${CHUNKED}0\r\n`, 'A:\r\n'],
    ['empty lines before a request', '', '\r\n'],
  ] as const) {
    test(`for ${name} in crumbs is over at the limit: 408, and the connection is closed`, async (t) => {
      const { port, call } = await startServer(t, {}, IMPATIENT);
      const wire = await Wire.open(port, start);
      const answered = wire.answer();
      let isOver = false;
      wire.closed.then(() => {
        isOver = true;
      });
      for await (const _ of setInterval(10)) {
        if (isOver || !(await wire.flush(crumb))) break;
      }
      const answer = await answered;
      assertError(answer, 408);
      assert.equal(answer.headers.connection, 'close');
      assert.equal((await call('GET', '/healthz')).status, 200);
    });
  }

  test('inside the limit may be used up: head and body in crumbs are answered', async (t) => {
    const { port } = await startServer(t, {}, { timeouts: { headersMs: 60_000, requestMs: 60_000 } });
    const wire = await Wire.open(port);
    const request = `${HEAD}Content-Length: ${BODY.length}\r\n\r\n${BODY}`;
    for await (const _ of setInterval(5)) {
      const { length } = request;
      for (let start = 0; start < length; start += 10) await wire.flush(request.slice(start, start + 10));
      break;
    }
    assert.equal((await wire.answer()).status, 201);
    wire.end();
  });
});

describe('Two thousand uploads that are given up leave nothing behind', () => {
  test('leave no memory, no socket and no descriptor behind', async (t) => {
    const server = await startServer(t, { LOG: 'off' });
    // The first ones load code and fill pools, which stay.
    for (let count = 0; count < 4; count++) await abandon(server.port, 100);
    assert.equal(await settled(server), 0);
    const before = { bytes: await bytesInUse(), descriptors: openDescriptors() };

    const held = await Promise.all(Array.from({ length: 100 }, () => upload(server.port)));
    assert.equal(await connectionsOf(server), 100, 'an upload that is not given up shows');
    // Both ends are in this process. A request's own two may not be closed yet when they are counted.
    if (before.descriptors > 0) assert.ok(openDescriptors() >= before.descriptors + 196);
    await release(held);
    for (let count = 0; count < 19; count++) await abandon(server.port, 100);

    assert.equal(await settled(server), 0);
    assert.ok(openDescriptors() <= before.descriptors + 4);
    const grown = (await bytesInUse()) - before.bytes;
    // A kilobyte for each would be two megabytes.
    assert.ok(grown < 2 * MIB, `${grown} bytes more are in use`);
    assert.equal((await server.call('GET', '/healthz')).status, 200);
    assert.deepEqual((await server.call('GET', '/users')).json, []);
  });

  test('and ones that just fall silent are told and cut', async (t) => {
    const server = await startServer(t, {}, IMPATIENT);
    const wires = await Promise.all(Array.from({ length: 50 }, () => Wire.open(server.port, UPLOAD)));
    for (const wire of wires) assertError(await wire.answer(), 408);
    await Promise.all(wires.map((wire) => wire.closed));
    assert.equal(await settled(server), 0);
  });
});

describe('Crumbs of a body take no more than the body', () => {
  test('take no more memory than the body they are of', async (t) => {
    const { port, call } = await startServer(t, { LOG: 'off' });
    const open = async (chunk: string) => {
      const wire = await Wire.open(port, CHUNKED);
      for (let sent = 0; sent < 60_000; sent += 6_000) await wire.flush(chunk);
      // It was read to here once a later request was answered.
      while ((await call('GET', '/healthz')).status !== 200);
      return wire;
    };
    await release([await open(`1770\r\n${'x'.repeat(6_000)}\r\n`)]);
    const before = await bytesInUse();
    const wires = [];
    while (wires.length < 4) wires.push(await open('1\r\nx\r\n'.repeat(6_000)));
    const each = ((await bytesInUse()) - before) / wires.length;
    assert.ok(each < MIB, `${Math.round(each)} bytes are in use for a body of 60,000`);
    await release(wires);
  });
});

async function untilBacklog(
  server: TestServer,
  isReached: (backlog: Awaited<ReturnType<typeof backlogOf>>) => boolean,
): Promise<void> {
  for (let count = 0; count < 1_000; count++) if (isReached(await backlogOf(server))) return;
  assert.fail(`the backlog is ${JSON.stringify(await backlogOf(server))}`);
}

describe('Bodies that never end have a bound in sum', () => {
  const body = JSON.stringify({ username: 'honest', password: 'secret', more: 'x'.repeat(40_000) });
  const head = (address: string, length: string) =>
    `POST /users HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nX-Forwarded-For: ${address}\r\n${length}\r\n\r\n`;
  const announced = `Content-Length: ${body.length}`;

  for (const [name, length] of [
    ['announced', announced],
    ['chunked', 'Transfer-Encoding: chunked'],
  ] as const) {
    test(`the client with the most loses its oldest, and a slow writer finishes: ${name}`, async (t) => {
      const options = { backlogBytesMax: 5.5 * 65_536 };
      const server = await startServer(t, { TRUST_PROXY: '127.0.0.1' }, options);
      const honest = await Wire.open(server.port, head('192.0.2.1', announced) + body.slice(0, 100));
      await untilBacklog(server, ({ bytes }) => bytes === body.length);
      const greedy: Wire[] = [];
      while (greedy.length < 20) greedy.push(await Wire.open(server.port, head('192.0.2.66', length)));
      await untilBacklog(server, ({ cuts }) => cuts >= 10);
      assert.ok((await backlogOf(server)).bytes <= options.backlogBytesMax);

      honest.write(body.slice(100));
      assert.equal((await honest.answer()).status, 201);
      await release([honest, ...greedy]);
      await untilBacklog(server, ({ bytes }) => bytes === 0);
    });
  }
});

describe('Answers that nobody takes have a bound in sum', () => {
  test('who holds the most loses the oldest, and a slow reader gets all of it', async (t) => {
    const server = await startWithLongPage(t, { backlogBytesMax: 3.5 * LARGE });
    const honest = await server.ask('192.0.2.1');
    await untilHeld(server, 1);
    const greedy: Wire[] = [];
    for (let count = 0; count < 6; count++) {
      greedy.push(await server.ask('192.0.2.66'));
      await untilHeld(server, 2 + count);
    }
    const { bytes, cuts } = await backlogOf(server);
    assert.equal(cuts, 4);
    assert.ok(bytes > 3 * LARGE && bytes < 3.5 * LARGE, `${bytes} bytes are held`);

    honest.resume();
    assert.equal((await honest.answer()).json[0].body.length, LARGE);
    for (const [index, wire] of greedy.entries()) {
      wire.resume();
      if (index < 4) await assert.rejects(wire.answer(), /^Error: No answer/);
      else assert.equal((await wire.answer()).status, 200);
    }
    const cut = server.log
      .map((line) => JSON.parse(line))
      .filter(({ message }) => message === 'too much was held for a client');
    assert.deepEqual(
      cut.map(({ level, address }) => [level, address]),
      Array(4).fill(['warn', '192.0.2.66']),
    );
    await release([honest, ...greedy]);
    assert.equal((await backlogOf(server)).bytes, 0);
  });

  test('and what reads them is never cut, nor held for longer than it reads', async (t) => {
    const server = await startWithLongPage(t, { backlogBytesMax: 2.5 * LARGE });
    for (let count = 0; count < 6; count++) {
      const wire = await server.ask('192.0.2.1');
      await untilHeld(server, 1);
      wire.resume();
      assert.equal((await wire.answer()).status, 200);
      wire.end();
      await wire.closed;
      assert.deepEqual(await backlogOf(server), { bytes: 0, cuts: 0 });
    }
  });

  test('and past a bound in sum nobody’s requests wait: the answer before them is the last', async (t) => {
    const server = await startWithLongPage(t, { waitingBytesMax: 100 * 1024 });
    const greedy = await server.ask('192.0.2.66', HEAVY.repeat(PIPELINED_MAX - 1));
    await untilHeld(server, 1);
    const other = await Wire.open(server.port, HEALTH + HEALTH);
    const { status, headers } = await other.answer();
    assert.deepEqual([status, headers.connection], [200, 'close']);
    assert.equal(await other.closed, 'end');
    assert.equal(other.unread, '');
    const single = await Wire.open(server.port, HEALTH);
    assert.equal((await single.answer()).headers.connection, 'keep-alive');

    greedy.resume();
    assert.equal((await greedy.answer()).status, 200);
    let answers = 0;
    for (let isLast = false; !isLast; answers++) {
      const answer = await greedy.answer();
      assert.equal(answer.status, 200);
      isLast = answer.headers.connection === 'close';
    }
    // Some 15 KB each.
    assert.ok(answers > 4 && answers < 10, `${answers} waited`);
    assert.equal(await greedy.closed, 'end');
    single.write(HEALTH + HEALTH);
    for (let count = 0; count < 2; count++)
      assert.equal((await single.answer()).headers.connection, 'keep-alive');
    await release([single]);
  });

  test('and what waited on a connection that broke is not counted any more', async (t) => {
    const server = await startWithLongPage(t, { waitingBytesMax: 100 * 1024 });
    for (let count = 0; count < 3; count++) {
      const greedy = await server.ask('192.0.2.66', HEAVY.repeat(PIPELINED_MAX - 1));
      await untilHeld(server, 1);
      await release([greedy]);
      assert.equal(await settled(server), 0);
      const other = await Wire.open(server.port, HEALTH + HEALTH);
      for (let answers = 0; answers < 2; answers++)
        assert.equal((await other.answer()).headers.connection, 'keep-alive');
      await release([other]);
    }
  });
});

describe('MAX_CONNECTIONS turns a crowd away and hurts nobody who is in', () => {
  test('a crowd is turned away at the door, and every place that gets free is used again', async (t) => {
    const server = await startServer(t, { MAX_CONNECTIONS: '21' });
    for (let round = 0; round < 3; round++) {
      const inside = await Promise.all(Array.from({ length: 20 }, () => Wire.open(server.port, HEALTH)));
      for (const wire of inside) assert.equal((await wire.answer()).status, 200);
      const last = await Wire.open(server.port, HEALTH);
      assert.equal((await last.answer()).status, 200);

      const outside = await Promise.all(Array.from({ length: 60 }, () => Wire.open(server.port, HEALTH)));
      for (const wire of outside) {
        await wire.closed;
        assert.equal(wire.unread, '');
      }
      for (const wire of inside) {
        wire.write(HEALTH);
        assert.equal((await wire.answer()).status, 200);
      }
      last.end();
      await last.closed;
      await release(inside);
      assert.equal(await settled(server), 0);
    }
  });
});

async function upload(port: number): Promise<Wire> {
  const wire = await Wire.open(port);
  await wire.flush(UPLOAD);
  return wire;
}

/** Half of them with a reset, the others in good order but too early. */
async function abandon(port: number, count: number): Promise<void> {
  await release(await Promise.all(Array.from({ length: count }, () => upload(port))));
}

async function release(wires: readonly Wire[]): Promise<void> {
  wires.forEach((wire, index) => {
    if (index % 2 === 0) wire.reset();
    else wire.end();
  });
  await Promise.all(wires.map((wire) => wire.closed));
}

/** How many sockets are left once no more go: the server takes note of a closed one a moment after the client does. */
async function settled(server: Parameters<typeof connectionsOf>[0]): Promise<number> {
  for (let count = 0; count < 1_000; count++) {
    // While every place is taken, the one who asks is turned away too.
    if ((await connectionsOf(server).catch(() => null)) === 0) return 0;
  }
  return connectionsOf(server);
}
