import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { Backlog, type Holding, pauseUntilTaken } from '../../src/http/backlog.ts';
import { discardRest } from '../../src/http/discard.ts';
import { Wire } from '../support/server/wire.ts';

function backlogOf(bytesMax: number) {
  const cut: Holding[] = [];
  const backlog = new Backlog({ bytesMax, onCut: (holding) => cut.push(holding) });
  /** Held until its socket closes. */
  const hold = (address: string, bytes: number, socket = new Socket()) => {
    backlog.hold({ socket, address, bytes, until: socket });
    return socket;
  };
  return { backlog, cut, hold };
}

function destroyed(sockets: readonly Socket[]): boolean[] {
  return sockets.map((socket) => socket.destroyed);
}

describe('Backlog.hold', () => {
  it('counts the bytes of a socket until it closes', async () => {
    const { backlog, hold } = backlogOf(100);
    const [a, b] = [hold('192.0.2.1', 60), hold('192.0.2.1', 40)];
    assert.equal(backlog.bytes, 100);
    await once(a.destroy(), 'close');
    assert.equal(backlog.bytes, 40);
    await once(b.destroy(), 'close');
    assert.deepEqual([backlog.bytes, backlog.cuts], [0, 0]);
  });

  it('cuts no socket at its bound, and one above it', () => {
    const { backlog, cut, hold } = backlogOf(100);
    const sockets = [hold('192.0.2.1', 50), hold('192.0.2.2', 50)];
    assert.deepEqual(destroyed(sockets), [false, false]);
    sockets.push(hold('192.0.2.2', 1));
    assert.deepEqual(destroyed(sockets), [false, true, false]);
    assert.deepEqual([backlog.bytes, backlog.cuts], [51, 1]);
    assert.deepEqual(
      cut.map(({ address, bytes, socket }) => [address, bytes, socket === sockets[1]]),
      [['192.0.2.2', 50, true]],
    );
  });

  it('cuts the oldest sockets of the client that holds the most until the rest fits', () => {
    const { backlog, hold } = backlogOf(100);
    const honest = hold('192.0.2.1', 30);
    const sockets = [10, 20, 30].map((bytes) => hold('192.0.2.2', bytes));
    sockets.push(hold('192.0.2.2', 35));
    assert.deepEqual(destroyed(sockets), [true, true, false, false]);
    assert.equal(honest.destroyed, false);
    assert.equal(backlog.bytes, 95);
  });

  it('cuts the newest socket if its client holds the most', () => {
    const { backlog, hold } = backlogOf(100);
    const sockets = [hold('192.0.2.1', 50), hold('192.0.2.2', 90)];
    assert.deepEqual(destroyed(sockets), [false, true]);
    assert.equal(backlog.bytes, 50);
  });

  it('counts an IPv6 network of 48 bits as one client', () => {
    const { hold } = backlogOf(100);
    const sockets = [hold('192.0.2.1', 40), hold('2001:db8::1', 30), hold('2001:db8:0:1::2', 30)];
    hold('192.0.2.3', 1);
    assert.deepEqual(destroyed(sockets), [false, true, false]);
  });

  it('counts two IPv6 networks as two clients', () => {
    const { hold } = backlogOf(100);
    const sockets = [hold('192.0.2.1', 40), hold('2001:db8::1', 30), hold('2001:db8:1::2', 30)];
    hold('192.0.2.3', 1);
    assert.deepEqual(destroyed(sockets), [true, false, false]);
  });

  it('finds what to cut without going through all holdings', () => {
    const { backlog, cut } = backlogOf(1_000);
    let reads = 0;
    for (let index = 0; index < 1_100; index++) {
      const socket = new Socket();
      const address = `10.0.${index >> 8}.${index & 255}`;
      backlog.hold({
        socket,
        address,
        until: socket,
        get bytes() {
          reads++;
          return 1;
        },
      });
    }
    assert.equal(cut.length, 100);
    assert.ok(reads < 10 * 1_100, `${reads} reads`);
  });

  it('keeps a response larger than the bound while it is alone', () => {
    const { backlog, hold } = backlogOf(100);
    const large = hold('192.0.2.1', 1_000);
    assert.equal(large.destroyed, false);
    const small = hold('192.0.2.2', 1);
    assert.deepEqual(destroyed([large, small]), [true, false]);
    assert.equal(backlog.bytes, 1);
  });

  it('releases all bytes of a socket that it cuts, once', async () => {
    const { backlog, hold } = backlogOf(100);
    const socket = hold('192.0.2.1', 50);
    hold('192.0.2.1', 40, socket);
    const other = hold('192.0.2.1', 20);
    assert.deepEqual(destroyed([socket, other]), [true, false]);
    assert.deepEqual([backlog.bytes, backlog.cuts], [20, 1]);
    await once(socket, 'close');
    assert.equal(backlog.bytes, 20);
  });
});

describe('pauseUntilTaken', () => {
  /** One request, complete, and its response. */
  async function exchangeOf(t: TestContext) {
    const server = createServer().listen(0, '127.0.0.1');
    t.after(() => server.close());
    await once(server, 'listening');
    const arrived: Promise<[IncomingMessage, ServerResponse]> = new Promise((resolve) => {
      server.once('request', (request, response) => {
        request.resume().once('end', () => resolve([request, response]));
      });
    });
    const { port } = server.address() as AddressInfo;
    const wire = await Wire.open(port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    t.after(() => wire.reset());
    const [request, response] = await arrived;
    return { request, response, socket: request.socket };
  }

  it('reads nothing more until the response is sent', async (t) => {
    const { request, response, socket } = await exchangeOf(t);
    pauseUntilTaken(request, response);
    assert.equal(socket.isPaused(), true);
    await once(response.end(), 'close');
    assert.equal(socket.isPaused(), false);
  });

  // Else who sends everything before reading would wait for the server, and the server for its reading.
  it('ignores a connection whose remaining input is discarded', async (t) => {
    const { request, response, socket } = await exchangeOf(t);
    discardRest(socket);
    pauseUntilTaken(request, response);
    assert.equal(socket.isPaused(), false);
  });
});
