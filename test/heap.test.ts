// A server with a heap of 96 MB and no rate limits, whose user stores as much as is accepted. The
// body of each post is the least favorable one of 64 KiB: `Ā` makes V8 store two bytes for each of
// the characters, each page of V8's heap holds one such text, and JSON has six bytes for each
// U+0001. Without bounds, the heap was full after 340 posts, and at every start after that.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { temporaryFolder } from './support/disk/temporary-folder.ts';
import { type Served, serve } from './support/process/command.ts';
import { type Answer, send } from './support/server/server.ts';

const POSTS = 704;
const CLIENTS = 8;
const SOCKETS = 200;
const CROWD = 1_500;
// Linux alone has all of 127.0.0.0/8. From a single address, the crowd would keep the test out.
const CROWD_ADDRESS = '127.0.0.9';
// Fewer than are accepted.
const POSTS_MIN = 150;
const LONG = {
  body: `title=t&body=%C4%80${'\u0001'.repeat(65_500)}`,
  headers: { 'content-type': 'application/x-www-form-urlencoded' },
};
const MATT = { username: 'matt', password: 'foo' };

function settingsFor(folder: string, more: Record<string, string>) {
  return {
    cwd: folder,
    env: {
      PORT: '0',
      DATABASE_URL: `file:${folder}/jot.jsonl`,
      PASSWORD_COST: 'ln=1,r=1,p=1',
      RATE_LIMIT: 'off',
      LOG: 'off',
      NODE_OPTIONS: '--max-old-space-size=96',
      ...more,
    },
  };
}

async function signIn({ port }: Served): Promise<string> {
  const { status, text, json } = await send(port, 'POST', '/auth', { json: MATT });
  assert.equal(status, 200, text);
  return json.access_token;
}

/** Posts from several clients, until one is refused; resolves to the refusals. */
async function attack({ port }: Served, token: string): Promise<Answer[]> {
  const refused: Answer[] = [];
  let left = POSTS;
  const client = async () => {
    while (refused.length === 0 && left-- > 0) {
      const answer = await send(port, 'POST', '/users/1/posts', { token, ...LONG });
      if (answer.status !== 201) refused.push(answer);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  return refused;
}

/** Requests a long page on many connections that are not read, and waits for one that is. */
async function requestWithoutReading({ port }: Served, token: string): Promise<void> {
  const path = '/users/1/posts?limit=3';
  const sockets = Array.from({ length: SOCKETS }, () => connect(port, '127.0.0.1').pause());
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  for (const [index, socket] of sockets.entries()) {
    // Another page for each, since equal ones would be made once.
    const head = `GET ${path}&after=${index % POSTS_MIN} HTTP/1.1\r\nHost: localhost\r\n`;
    socket.on('error', () => undefined).write(`${head}Authorization: JWT ${token}\r\n\r\n`);
  }
  // The server handles long pages in the order in which they were requested.
  assert.equal((await send(port, 'GET', path, { token })).status, 200);
  for (const socket of sockets) socket.destroy();
}

/** Opens more connections than there may be, each in the middle of a request with 190 headers. */
async function crowd({ port }: Served): Promise<Socket[]> {
  const lines = Array.from({ length: 190 }, (_, index) => `h${index}: ${'v'.repeat(70)}\r\n`).join('');
  const head = `POST /users HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n${lines}`;
  const sockets: Socket[] = [];
  for (let count = 0; count < CROWD; count++) {
    const socket = connect({ port, host: '127.0.0.1', localAddress: CROWD_ADDRESS });
    const settled = new Promise((resolve) => socket.once('close', resolve).once('connect', resolve));
    socket.on('error', () => undefined).write(`${head}Content-Length: 20\r\n\r\n{`);
    sockets.push(socket);
    await settled;
  }
  return sockets;
}

describe('jot serve with a heap of 96 MB', { concurrency: 2 }, () => {
  it('answers 503 before its heap is full, still reads and deletes, and starts again', async (t) => {
    const options = settingsFor(temporaryFolder(t), { USER_BYTES_MAX: '96MiB' });
    const served = await serve(t, options);
    await send(served.port, 'POST', '/signup', { json: MATT });
    const refused = await attack(served, await signIn(served));
    assert.ok(refused.length > 0);
    for (const { status, json, headers } of refused) {
      assert.deepEqual([status, json.code, headers['retry-after']], [503, 'unavailable', '60']);
    }
    const ready = await send(served.port, 'GET', '/readyz');
    assert.deepEqual(
      [ready.status, ready.json.description],
      [503, 'The store is full; deleting still works'],
    );
    served.command.kill('SIGTERM');
    assert.equal((await served.command.ended).code, 0);

    const again = await serve(t, options);
    const { port } = again;
    const token = await signIn(again);
    assert.equal((await send(port, 'GET', '/users/1/posts/1', { token })).status, 200);
    assert.equal((await send(port, 'POST', '/users/1/posts', { token, ...LONG })).status, 503);
    await requestWithoutReading(again, token);
    const sockets = process.platform === 'linux' ? await crowd(again) : [];
    t.after(() => sockets.forEach((socket) => void socket.destroy()));
    for (const id of [1, 2]) {
      assert.equal((await send(port, 'DELETE', `/users/1/posts/${id}`, { token })).status, 204);
    }
    assert.equal((await send(port, 'GET', '/readyz')).status, 200);
    assert.equal((await send(port, 'POST', '/users/1/posts', { token, ...LONG })).status, 201);
  });

  it('answers 403 to a user whose quota is exceeded, and 201 to another', async (t) => {
    const served = await serve(t, settingsFor(temporaryFolder(t), {}));
    const { port } = served;
    await send(port, 'POST', '/signup', { json: MATT });
    const refused = await attack(served, await signIn(served));
    assert.ok(refused.length > 0);
    for (const { status, json } of refused) assert.deepEqual([status, json.code], [403, 'quota_exceeded']);
    await send(port, 'POST', '/signup', { json: { ...MATT, username: 'elie' } });
    const { json } = await send(port, 'POST', '/auth', { json: { ...MATT, username: 'elie' } });
    const other = { token: json.access_token, json: { title: 'First', body: 'Hello' } };
    assert.equal((await send(port, 'POST', '/users/2/posts', other)).status, 201);
  });
});
