// The socket that is a lock lets nobody else in, at no moment: its mode is looked at before anything else can happen.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { lstatSync, readdirSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import { listenPrivately } from '../../src/control/socket.ts';
import { callRunning } from '../../src/store/file/offline.ts';
import { type Cleanup, temporaryFolder } from '../support/disk/temporary-folder.ts';

/** Runs under a umask that would let everybody in. */
function withOpenUmask<T>(t: Cleanup, use: () => T): T {
  const before = process.umask(0);
  t.after(() => void process.umask(before));
  return use();
}

function modeOf(path: string): string {
  return (lstatSync(path).mode & 0o777).toString(8);
}

function serverFor(t: Cleanup): Server {
  const server = createServer();
  t.after(() => void server.close());
  return server;
}

describe('listenPrivately', () => {
  it('creates the socket with mode 0600 in the same call, and restores the umask', async (t) => {
    const path = `${temporaryFolder(t)}/socket`;
    await withOpenUmask(t, async () => {
      const listening = listenPrivately(serverFor(t), path);
      assert.deepEqual([modeOf(path), process.umask(0)], ['600', 0]);
      await listening;
      assert.equal(modeOf(path), '600');
    });
  });

  it('would fail this check with Server.listen alone', async (t) => {
    const path = `${temporaryFolder(t)}/socket`;
    await withOpenUmask(t, async () => {
      const server = serverFor(t).listen(path);
      assert.equal(modeOf(path), '777');
      await once(server, 'listening');
    });
  });

  it('restores the umask if it fails', async (t) => {
    await withOpenUmask(t, async () => {
      const failed = listenPrivately(serverFor(t), `${temporaryFolder(t)}/none/socket`);
      assert.equal(process.umask(0), 0);
      await assert.rejects(failed, { code: 'unavailable', message: /^Cannot lock the data file: listen E/ });
    });
  });
});

describe('listenPrivately on a file system without sockets', () => {
  // Only root gets as far as the file system.
  const canTry = process.platform === 'linux' && process.geteuid?.() === 0;

  it('asks for another file system (docker/for-win 5519)', { skip: !canTry }, async (t) => {
    await assert.rejects(listenPrivately(serverFor(t), '/dev/pts/jot.jsonl.lock'), {
      code: 'unavailable',
      message: /^Cannot lock the data file: listen EPERM.*; use a file system with Unix sockets$/,
    });
  });
});

describe('a connection to the lock that cannot be accepted', () => {
  it('does not end the process', async (t) => {
    const server = serverFor(t);
    await listenPrivately(server, `${temporaryFolder(t)}/socket`);
    // As Node reports it, which without a listener throws.
    for (let count = 0; count < 2; count++) assert.ok(server.emit('error', new Error('accept EMFILE')));
  });
});

// On Node 20 a worker does not get the tool that reads TypeScript from the thread that starts it.
const OPEN_IN_WORKER = `
const { parentPort, workerData } = require('node:worker_threads');
(async () => {
  if (!process.features.typescript) (await import('tsx/esm/api')).register();
  const { openStore } = await import(${JSON.stringify(new URL('../../src/store/open.ts', import.meta.url))});
  await openStore(workerData);
  parentPort.on('message', () => undefined).postMessage('open');
})();`;

describe('acquireLock in a worker thread, where the umask cannot be set', () => {
  it('sets mode 0600 afterwards, and accepts no requests', async (t) => {
    const folder = temporaryFolder(t);
    const path = `${folder}/jot.jsonl`;
    const worker = new Worker(OPEN_IN_WORKER, { eval: true, workerData: `file:${path}`, execArgv: [] });
    t.after(() => worker.terminate());
    await once(worker, 'message');
    const [name = ''] = readdirSync(folder).filter((each) => each.includes('.lock-'));
    assert.equal(modeOf(`${folder}/${name}`), '600');
    const said = await callRunning(path, 'compact');
    assert.deepEqual(said, {
      holder: `process ${process.pid}`,
      response: 'no it does not accept requests at the moment',
    });
  });
});
