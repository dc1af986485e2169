// What other processes can ask of the one that has a data file open, over the socket that is its lock.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, statSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { ask, createControlServer, formatRequest, parseRequest } from '../../src/control/protocol.ts';
import { callRunning } from '../../src/store/file/offline.ts';
import { type ControlHandlers, openStore } from '../../src/store/open.ts';
import { rejects } from '../support/disk/stores.ts';
import { type Cleanup, temporaryFolder } from '../support/disk/temporary-folder.ts';

const ANSWERS: ControlHandlers = {
  echo: async (value) => value,
  'echo twice': async (value) => [value, value],
  nothing: async () => undefined,
  long: async (value) => 'x'.repeat(Number((value as { length: number }).length)),
  fail: async () => {
    throw new Error('It failed:\n  on two lines\n');
  },
};

/** A data file that somebody has open; the paths of the file and of its lock. */
async function openWith(t: Cleanup, answers: () => Promise<ControlHandlers>) {
  const folder = temporaryFolder(t);
  const path = `${folder}/jot.jsonl`;
  const store = await openStore(`file:${path}`, { answers });
  t.after(() => store.close());
  const socketPath = `${folder}/${readdirSync(folder).find((name) => name.includes('.lock-'))}`;
  return { path, socketPath, store };
}

const open = (t: Cleanup) => openWith(t, async () => ANSWERS);

/** What is answered to these bytes, each piece sent by itself. */
async function answerTo(socketPath: string, pieces: readonly Uint8Array[]): Promise<string> {
  const socket = connect({ path: socketPath, allowHalfOpen: true }).setEncoding('utf8');
  let said = '';
  socket.on('data', (text) => {
    said += text;
  });
  await once(socket, 'data');
  for (const piece of pieces) {
    await new Promise((resolve) => socket.write(piece, resolve));
    for (let turns = 0; turns < 10; turns++) await turn();
  }
  socket.end();
  await once(socket, 'close');
  return said.replace(/^process \d+\n/, '');
}

describe('callRunning and the handlers of openStore', () => {
  it('pass a request, with a value or without, and respond in JSON', async (t) => {
    const { path } = await open(t);
    const holder = `process ${process.pid}`;
    const value = { username: 'élie "x"\n', n: 1 };
    assert.deepEqual(await callRunning(path, 'echo', value), {
      holder,
      response: `ok ${JSON.stringify(value)}`,
    });
    assert.equal((await callRunning(path, 'echo twice', {}))?.response, 'ok [{},{}]');
    assert.equal((await callRunning(path, 'nothing'))?.response, 'ok null');
  });

  const unknown = 'no There is no such request';
  const rows: readonly [request: string, answer: string, reason: string][] = [
    ['dance', unknown, 'no name that it has'],
    ['constructor', unknown, 'a name that every object has'],
    ['ECHO {}', unknown, 'another case'],
    ['echo []', unknown, 'a value that is no object'],
    ['echo{}', unknown, 'nothing between name and value'],
    ['echo {} {', unknown, 'something behind the value'],
    ['echo {"a":}', 'no The request is not JSON', 'a value that is no JSON, which is not quoted'],
    ['fail', 'no It failed: on two lines ', 'a failure of several lines is told in one'],
  ];
  for (const [request, answer, reason] of rows) {
    it(`respond to ${JSON.stringify(request)} with ${answer}: ${reason}`, async (t) => {
      const { socketPath } = await open(t);
      assert.equal(await answerTo(socketPath, [Buffer.from(`${request}\n`)]), `${answer}\n`);
    });
  }

  it('accept a character in two chunks', async (t) => {
    const { socketPath } = await open(t);
    const bytes = Buffer.from('echo {"a":"é"}\n');
    const middle = bytes.indexOf(0xc3) + 1;
    const said = await answerTo(socketPath, [bytes.subarray(0, middle), bytes.subarray(middle)]);
    assert.equal(said, 'ok {"a":"é"}\n');
  });

  it('accept a request of 4,096 characters, and run no handler for a longer one, however long', async (t) => {
    const asked: unknown[] = [];
    const { socketPath } = await openWith(t, async () => ({
      echo: async (value) => asked.push(value),
    }));
    const ofLength = (length: number) => Buffer.from(`echo {"a":"${'x'.repeat(length - 13)}"}`);
    assert.equal(await answerTo(socketPath, [ofLength(4_096)]), 'ok 1\n');
    for (const bytes of [ofLength(4_097), ofLength(1_000_000)]) {
      assert.equal(await answerTo(socketPath, [bytes]), 'no The request is too long\n');
    }
    assert.equal(asked.length, 1);
  });

  it('return no response if it is longer than the limit', async (t) => {
    const { path } = await open(t);
    const most = await callRunning(path, 'long', { length: 16_000 });
    assert.equal(most?.response, `ok "${'x'.repeat(16_000)}"`);
    assert.equal((await callRunning(path, 'long', { length: 17_000 }))?.response, null);
  });

  it('wait until the handlers are ready, except for `compact`', async (t) => {
    let give: (answers: ControlHandlers) => void = () => undefined;
    const answers = new Promise<ControlHandlers>((resolve) => {
      give = resolve;
    });
    const { path } = await openWith(t, () => answers);
    const order: string[] = [];
    const asked = callRunning(path, 'echo', { a: 1 }).then((said) => {
      order.push('echo');
      return said;
    });
    await callRunning(path, 'compact');
    order.push('compact');
    give(ANSWERS);
    assert.equal((await asked)?.response, 'ok {"a":1}');
    assert.deepEqual(order, ['compact', 'echo']);
  });

  it('respond with the reason if the handlers are rejected', async (t) => {
    const { path } = await openWith(t, () => Promise.reject(new Error('It could not start')));
    assert.equal((await callRunning(path, 'echo'))?.response, 'no It could not start');
  });

  it('return null if the store is closed, was never opened, or has no folder', async (t) => {
    const { path, store } = await open(t);
    await store.close();
    assert.equal(await callRunning(path, 'echo'), null);
    assert.equal(await callRunning(`${path}-other`, 'echo'), null);
    assert.equal(await callRunning(`${path}-folder/jot.jsonl`, 'echo'), null);
  });

  it('accept requests only from the same user, by the mode of the socket', async (t) => {
    const { socketPath } = await open(t);
    assert.equal(statSync(socketPath).mode & 0o777, 0o600);
  });
});

describe('ask', () => {
  const rows: readonly [said: string, answer: string | null, reason: string][] = [
    ['process 1\nok {}\n', 'ok {}', 'a whole answer'],
    ['process 1\nok {}', null, 'a line that was cut off'],
    ['process 1\n', null, 'a process that ended before it answered'],
  ];
  for (const [said, answer, reason] of rows) {
    it(`returns ${answer} for ${JSON.stringify(said)}: ${reason}`, async (t) => {
      const path = `${temporaryFolder(t)}/socket`;
      const server = createServer({ allowHalfOpen: true }, (socket) => void socket.resume().end(said));
      t.after(() => server.close());
      await once(server.listen(path), 'listening');
      assert.deepEqual(await ask(path, 'echo'), { holder: 'process 1', response: answer });
    });
  }
});

describe('callRunning and a crowd of idle connections', () => {
  const CROWD = 100;

  /** A holder of a data file at the other end of a lock, with so much patience. */
  async function holderOf(t: Cleanup, requestMsMax: number) {
    const folder = temporaryFolder(t);
    const asked: string[] = [];
    const { server } = createControlServer(async (request) => String(asked.push(request)), requestMsMax);
    t.after(() => server.close());
    const socketPath = `${folder}/jot.jsonl.lock-0123456789ab`;
    await once(server.listen(socketPath), 'listening');
    return { path: `${folder}/jot.jsonl`, socketPath, asked };
  }

  /** Connections that were let in. */
  async function crowd(t: Cleanup, socketPath: string): Promise<Socket[]> {
    const sockets = Array.from({ length: CROWD }, () => connect({ path: socketPath, allowHalfOpen: true }));
    t.after(() => sockets.forEach((socket) => void socket.destroy()));
    await Promise.all(sockets.map((socket) => once(socket, 'data')));
    return sockets;
  }

  it('sends its request after the idle connections time out', async (t) => {
    const { path, socketPath, asked } = await holderOf(t, 200);
    await crowd(t, socketPath);
    const holder = `process ${process.pid}`;
    assert.deepEqual(await callRunning(path, 'echo'), { holder, response: 'ok 1' });
    assert.deepEqual(asked, ['echo']);
  });

  it('rejects with the process if they stay, and sends no request', async (t) => {
    const { path, socketPath, asked } = await holderOf(t, 600_000);
    const sockets = await crowd(t, socketPath);
    assert.deepEqual(await ask(socketPath, 'echo'), { holder: `process ${process.pid}`, response: 'busy' });
    await rejects(
      callRunning(path, 'echo', undefined, 50),
      'unavailable',
      `The server that holds the data file ${path} (process ${process.pid}) was busy for 0.05 s, so no request was sent; check the server or try again`,
    );
    assert.deepEqual(asked, []);
    for (const socket of sockets) socket.destroy();
    await Promise.all(sockets.map((socket) => once(socket, 'close')));
    assert.equal((await callRunning(path, 'echo'))?.response, 'ok 1');
  });

  it('does not hide the holder of the file from openStore', async (t) => {
    const { path, socketPath } = await holderOf(t, 600_000);
    await crowd(t, socketPath);
    await rejects(
      openStore(`file:${path}`),
      'unavailable',
      `The data file ${path} is in use by process ${process.pid}; stop it first`,
    );
  });
});

describe('callRunning with a silent holder', () => {
  it('rejects after the timeout, and sends no request', async (t) => {
    const folder = temporaryFolder(t);
    const received: string[] = [];
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket.setEncoding('utf8').on('data', (text) => received.push(String(text))));
    });
    t.after(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    await once(server.listen(`${folder}/jot.jsonl.lock-0123456789ab`), 'listening');
    const path = `${folder}/jot.jsonl`;
    await rejects(
      callRunning(path, 'user create', {}, 50),
      'unavailable',
      `The server that holds the data file ${path} did not respond for 0.05 s, so no request was sent; check the server or try again`,
    );
    assert.deepEqual(received, []);
  });
});

describe('formatRequest and parseRequest', () => {
  for (const [name, value] of [['compact'], ['user create', { username: 'a b {c}' }], ['a', {}]] as const) {
    it(`agree on ${formatRequest(name, value)}`, () => {
      assert.deepEqual(parseRequest(formatRequest(name, value)), { name, value });
    });
  }
});
