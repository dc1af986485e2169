// Connections above the maximum: whose stay, first with the decisions alone, then with clients of
// two addresses.

import assert from 'node:assert/strict';
import { get } from 'node:http';
import { connect, Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { Admission } from '../../src/http/admission.ts';
import { temporaryFolder } from '../support/disk/temporary-folder.ts';
import { serve } from '../support/process/command.ts';
import { startServer } from '../support/server/server.ts';

const onLinuxOnly = process.platform === 'linux' ? {} : { skip: 'only Linux has all of 127.0.0.0/8' };

function admissionOf(max: number) {
  const admission = new Admission();
  admission.max = max;
  const admit = (address: string) => {
    const socket = new Socket();
    admission.admit(socket, address);
    return socket;
  };
  return { admission, admit };
}

function destroyed(sockets: readonly Socket[]): boolean[] {
  return sockets.map((socket) => socket.destroyed);
}

describe('Admission.admit', () => {
  it('closes the connection without a request for the longest time of the client with the most', () => {
    const { admission, admit } = admissionOf(4);
    const sockets = ['192.0.2.1', '192.0.2.9', '192.0.2.9', '192.0.2.9'].map(admit);
    if (sockets[1] !== undefined) admission.use(sockets[1]);
    sockets.push(admit('192.0.2.2'));
    assert.deepEqual(destroyed(sockets), [false, false, true, false, false]);
    assert.equal(admission.refused, 1);
  });

  it('closes the newest connection if its client has the most', () => {
    const { admission, admit } = admissionOf(3);
    const sockets = ['192.0.2.1', '192.0.2.9', '192.0.2.9', '192.0.2.9'].map(admit);
    assert.deepEqual(destroyed(sockets), [false, false, false, true]);
    assert.equal(admission.refused, 1);
  });

  it('displaces no connection if each client has equally many', () => {
    const { admit } = admissionOf(2);
    const sockets = ['192.0.2.1', '192.0.2.2', '192.0.2.3'].map(admit);
    assert.deepEqual(destroyed(sockets), [false, false, true]);
  });

  it('counts an IPv6 network of 48 bits as one client', () => {
    const { admit } = admissionOf(3);
    const sockets = ['2001:db8::1', '2001:db8:0:1::1', '192.0.2.1', '192.0.2.2'].map(admit);
    assert.deepEqual(destroyed(sockets), [true, false, false, false]);
  });

  it('does not count a closed connection', async () => {
    const { admission, admit } = admissionOf(1);
    const first = admit('192.0.2.1');
    await new Promise((resolve) => first.once('close', resolve).destroy());
    assert.equal(admit('192.0.2.2').destroyed, false);
    assert.equal(admission.refused, 0);
  });
});

describe('MAX_CONNECTIONS', () => {
  it('is shared: a client with every connection loses one to another client', onLinuxOnly, async (t) => {
    const { port, call } = await startServer(t, { MAX_CONNECTIONS: '20' });
    await takeAll(t, port, 20);
    for (let count = 0; count < 3; count++) assert.equal(await statusFrom(port, '127.0.0.2'), 200);
    const { text } = await call('GET', '/metrics');
    assert.match(text, /^jot_connections_refused_total [1-9]/m);
  });

  it('is lowered with a warning to what an eighth of the heap holds', async (t) => {
    const env = { PORT: '0', DATABASE_URL: 'memory:', LOG: 'json', MAX_CONNECTIONS: '500' };
    const options = { cwd: temporaryFolder(t), env: { ...env, NODE_OPTIONS: '--max-old-space-size=96' } };
    const { command } = await serve(t, options);
    assert.match(await command.line(/MAX_CONNECTIONS/), /"level":"warn".*"connections":384\b/);
  });
});

/** Opens one connection more than there may be, and waits until the server has closed one. */
async function takeAll(t: TestContext, port: number, count: number): Promise<void> {
  const sockets = Array.from({ length: count + 1 }, () =>
    connect({ port, host: '127.0.0.1', localAddress: '127.0.0.9' }),
  );
  t.after(() => sockets.forEach((socket) => void socket.destroy()));
  const closed = sockets.map(
    (socket) => new Promise((resolve) => socket.on('error', () => undefined).once('close', resolve)),
  );
  for (const socket of sockets) socket.write('GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n');
  await Promise.race(closed);
}

function statusFrom(port: number, localAddress: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    get({ port, host: '127.0.0.1', localAddress, path: '/healthz', agent: false }, (response) => {
      response.resume().once('end', () => resolve(response.statusCode));
    }).once('error', reject);
  });
}
