import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import {
  linkSync,
  mkdirSync,
  readdirSync,
  renameSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { basename, join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { acquireLock, inTurn } from '../../src/control/lock.ts';
import { openStore, type Store } from '../../src/store/open.ts';
import { openFor, rejects, userNamed } from '../support/disk/stores.ts';
import { type Cleanup, temporaryFolder } from '../support/disk/temporary-folder.ts';
import { typescript } from '../support/process/command.ts';
import { skipWithout } from '../support/process/tools.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const withoutPython = skipWithout(['python3', '--version']);
const onLinuxOnly = process.platform === 'linux' ? {} : { skip: 'it is about what Linux has' };

/** Another process that has the store open and a user in it; ended when the test is over. */
async function openElsewhere(t: Cleanup, url: string, username: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [...typescript, 'test/support/disk/hold-store.ts', url, username], {
    cwd: root,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  const [output] = await Promise.race([once(child.stdout, 'data'), once(child, 'exit')]);
  assert.equal(String(output), 'open\n');
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

function inUse(path: string, holder: string): string {
  return `The data file ${path} is in use by ${holder}; stop it first`;
}

/** How many of these there are that opened; they are closed. */
async function closeAll(opened: readonly Promise<Store>[]): Promise<number> {
  const outcomes = await Promise.allSettled(opened);
  const stores = outcomes.filter(({ status }) => status === 'fulfilled') as PromiseFulfilledResult<Store>[];
  await Promise.all(stores.map(({ value }) => value.close()));
  return stores.length;
}

describe('acquireLock, called by openStore', () => {
  it('rejects while another process lives, naming it, but not after kill -9', async (t) => {
    const folder = temporaryFolder(t);
    const path = `${folder}/jot.jsonl`;
    const child = await openElsewhere(t, `file:${path}`, 'matt');
    for (let attempt = 1; attempt <= 2; attempt++) {
      await rejects(openStore(`file:${path}`), 'unavailable', inUse(path, `process ${child.pid}`));
    }
    await kill(child);
    assert.equal(readdirSync(folder).length, 2, 'the data file and what is left of the lock');

    const store = await openStore(`file:${path}`);
    assert.equal((await store.users.get(1)).username, 'matt');
    await store.close();
    assert.deepEqual(readdirSync(folder), ['jot.jsonl']);
  });

  it('rejects while another process is stopped, or is killed during the request', onLinuxOnly, async (t) => {
    const path = `${temporaryFolder(t)}/jot.jsonl`;
    const child = await openElsewhere(t, `file:${path}`, 'matt');
    child.kill('SIGSTOP');
    await rejects(openStore(`file:${path}`), 'unavailable', inUse(path, 'another process'));

    const onSocket = (message: unknown) => {
      (message as { socket: Socket }).socket.once('connect', () => child.kill('SIGKILL'));
    };
    subscribe('net.client.socket', onSocket);
    t.after(() => unsubscribe('net.client.socket', onSocket));
    await rejects(openStore(`file:${path}`), 'unavailable', inUse(path, 'another process'));
    await openFor(t, `file:${path}`);
  });

  // The id of the process plays no part: whether there is an owner is asked of the socket itself.
  it('replaces the lock of a dead process whose id a living process now has', async (t) => {
    const folder = temporaryFolder(t);
    const path = `${folder}/jot.jsonl`;
    const leftover = `${path}.lock-${String(process.pid).padStart(12, '0')}`;
    const script = `net.createServer().listen(${JSON.stringify(leftover)}, () => console.log('open'))`;
    const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    t.after(() => child.kill('SIGKILL'));
    await once(child.stdout, 'data');
    await rejects(openStore(`file:${path}`), 'unavailable', inUse(path, 'another process'));
    await kill(child);
    assert.ok(readdirSync(folder).includes(basename(leftover)));
    await openFor(t, `file:${path}`);
    assert.equal(readdirSync(folder).includes(basename(leftover)), false);
  });

  it('rejects a second call in the same process, until close', async (t) => {
    const path = `${temporaryFolder(t)}/jot.jsonl`;
    const store = await openFor(t, `file:${path}`);
    await rejects(openStore(`file:${path}`), 'unavailable', inUse(path, `process ${process.pid}`));
    await store.users.create(userNamed('matt'));
    await store.close();
    await openFor(t, `file:${path}`);
  });

  it('lets at most one of many concurrent opens succeed', async (t) => {
    const url = `file:${temporaryFolder(t)}/jot.jsonl`;
    for (let round = 0; round < 20; round++) {
      const opened = await closeAll([openStore(url), openStore(url), openStore(url)]);
      assert.ok(opened <= 1, `${opened} in round ${round}`);
    }
    assert.equal(await closeAll([openStore(url)]), 1);
  });

  // Somebody who looks between `bind` and `listen` finds nobody there, and takes away what looks like a leftover.
  it('rejects if another process removed its socket as stale', async (t) => {
    const folder = temporaryFolder(t);
    const path = `${folder}/jot.jsonl`;
    // Node removes a socket by the name that it was given.
    const dead = createServer().listen(`${folder}/dead`);
    await once(dead, 'listening');
    renameSync(`${folder}/dead`, `${path}.lock-000000000000`);
    await new Promise((resolve) => dead.close(resolve));
    const onSocket = () => {
      const sockets = readdirSync(folder).filter((name) => /\.lock-[0-9a-f]{12}$/.test(name));
      for (const name of sockets) unlinkSync(`${folder}/${name}`);
    };
    subscribe('net.client.socket', onSocket);
    t.after(() => unsubscribe('net.client.socket', onSocket));
    await rejects(openStore(`file:${path}`), 'unavailable', inUse(path, 'another process'));
    unsubscribe('net.client.socket', onSocket);
    await openFor(t, `file:${path}`);
  });

  it('locks one file: another file in the same folder has its own lock', async (t) => {
    const folder = temporaryFolder(t);
    await openFor(t, `file:${folder}/jot.jsonl`);
    await openFor(t, `file:${folder}/jot.json`);
    await openFor(t, `file:${folder}/jot`);
  });

  it('rejects every other path of the same file', async (t) => {
    const folder = temporaryFolder(t);
    const path = `${folder}/data/jot.jsonl`;
    await (await openStore(`file:${path}`)).close();
    mkdirSync(`${folder}/elsewhere`);
    symlinkSync(path, `${folder}/elsewhere/link.jsonl`);
    symlinkSync(`${folder}/data`, `${folder}/folder`);
    const others = [
      `${folder}/elsewhere/link.jsonl`,
      `${folder}/folder/jot.jsonl`,
      `${folder}/data/../data/jot.jsonl`,
    ];
    await openFor(t, `file:${path}`);
    for (const other of others) {
      await rejects(openStore(`file:${other}`), 'unavailable', inUse(path, `process ${process.pid}`));
    }
  });

  it('rejects a link to a locked file that is still empty', async (t) => {
    const folder = temporaryFolder(t);
    mkdirSync(`${folder}/elsewhere`);
    writeFileSync(`${folder}/empty`, '');
    symlinkSync(`${folder}/empty`, `${folder}/elsewhere/link`);
    await openFor(t, `file:${folder}/elsewhere/link`);
    for (const name of ['elsewhere/link', 'empty']) {
      const refusal = inUse(`${folder}/empty`, `process ${process.pid}`);
      await rejects(openStore(`file:${folder}/${name}`), 'unavailable', refusal);
    }
  });

  it('removes its own socket if another lock cannot be queried', { skip: withoutPython }, async (t) => {
    const folder = temporaryFolder(t);
    const path = `${folder}/jot.jsonl`;
    await bindDatagramSocket(t, `${path}.lock-0123456789ab`);
    await rejects(openStore(`file:${path}`), 'unavailable');
    unlinkSync(`${path}.lock-0123456789ab`);
    await openFor(t, `file:${path}`);
  });

  it('leaves other files with similar names in place', async (t) => {
    const folder = temporaryFolder(t);
    const others = ['lock-backup', 'lock-notes.txt', 'lock-0123456789ab', 'lock-folder'];
    for (const other of others.slice(0, 3)) writeFileSync(`${folder}/jot.jsonl.${other}`, 'mine');
    mkdirSync(`${folder}/jot.jsonl.lock-folder`);
    await (await openStore(`file:${folder}/jot.jsonl`)).close();
    const there = readdirSync(folder).sort();
    assert.deepEqual(there, ['jot.jsonl', ...others.map((other) => `jot.jsonl.${other}`)].sort());
  });

  it('rejects a file with two hard links', async (t) => {
    const folder = temporaryFolder(t);
    await (await openStore(`file:${folder}/jot.jsonl`)).close();
    linkSync(`${folder}/jot.jsonl`, `${folder}/other.jsonl`);
    for (const name of ['jot.jsonl', 'other.jsonl']) {
      const message = `The data file ${folder}/${name} has a second name, a hard link: remove one of the two`;
      await rejects(openStore(`file:${folder}/${name}`), 'unavailable', message);
    }
    unlinkSync(`${folder}/other.jsonl`);
    await openFor(t, `file:${folder}/jot.jsonl`);
  });

  it('is not delayed by connections that send nothing, or too much', async (t) => {
    const folder = temporaryFolder(t);
    const store = await openStore(`file:${folder}/jot.jsonl`);
    const socketName = readdirSync(folder).find((name) => name.includes('.lock-')) ?? '';
    const sockets = Array.from({ length: 20 }, () => connect(join(folder, socketName)));
    t.after(() => sockets.forEach((socket) => void socket.destroy()));
    for (const socket of sockets) socket.on('error', () => socket.destroy()).write('x'.repeat(100_000));
    await Promise.all(sockets.map((socket) => once(socket, 'data')));
    await store.close();
    await openFor(t, `file:${folder}/jot.jsonl`);
  });

  it('keeps the file writable through a link', async (t) => {
    const folder = temporaryFolder(t);
    const store = await openStore(`file:${folder}/jot.jsonl`);
    await store.close();
    symlinkSync('jot.jsonl', `${folder}/link.jsonl`);
    const linked = await openStore(`file:${folder}/link.jsonl`);
    await linked.users.create(userNamed('matt'));
    await rejects(openStore(`file:${folder}/jot.jsonl`), 'unavailable');
    await linked.close();
    assert.equal(await (await openFor(t, `file:${folder}/jot.jsonl`)).users.count(), 1);
  });

  // Two folders deep, the path alone is longer than the 108 bytes that a socket's path may have.
  it('works in a folder whose path is longer than a socket path may be', onLinuxOnly, async (t) => {
    const path = join(temporaryFolder(t), 'x'.repeat(200), 'y'.repeat(200), 'jot.jsonl');
    await openFor(t, `file:${path}`);
    await rejects(openStore(`file:${path}`), 'unavailable', inUse(path, `process ${process.pid}`));
  });

  it('works in a folder with a long path near the working directory', async (t) => {
    const folder = join(temporaryFolder(t), 'x'.repeat(200));
    mkdirSync(folder);
    const before = process.cwd();
    t.after(() => process.chdir(before));
    process.chdir(folder);
    await openFor(t, 'file:data/jot.jsonl');
    await rejects(openStore(`file:${folder}/data/jot.jsonl`), 'unavailable');
  });

  it('rejects a file name that leaves no room for the lock', async (t) => {
    const folder = temporaryFolder(t);
    const message = /^The path is too long for a lock beside the data file: /;
    await assert.rejects(openStore(`file:${folder}/${'x'.repeat(240)}`), { code: 'unavailable', message });
  });

  it('rejects a folder in which it cannot create the lock', onLinuxOnly, async () => {
    await assert.rejects(openStore('file:/proc/jot.jsonl'), {
      code: 'unavailable',
      message: /^Cannot lock the data file: listen E/,
    });
  });

  it('rejects if it cannot determine whether the lock is held', { skip: withoutPython }, async (t) => {
    const folder = temporaryFolder(t);
    await bindDatagramSocket(t, `${folder}/jot.jsonl.lock-0123456789ab`);
    await assert.rejects(openStore(`file:${folder}/jot.jsonl`), {
      code: 'unavailable',
      message: /^Cannot determine which process uses the data file: connect EPROTOTYPE/,
    });
  });
});

// A socket that answers to a connection neither with yes nor with no, as long as its process lives. Node has none of this kind.
async function bindDatagramSocket(t: Cleanup, path: string): Promise<void> {
  const script = `import socket, sys
datagrams = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
datagrams.bind(sys.argv[1])
print('bound', flush=True)
sys.stdin.read()`;
  const child = spawn('python3', ['-c', script, path], { stdio: ['pipe', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
}
describe('inTurn', () => {
  it('runs one callback at a time, and in the end all of them', async (t) => {
    const path = `${temporaryFolder(t)}/keys.json`;
    let inside = 0;
    const seen: number[] = [];
    const visit = async () => {
      seen.push(++inside);
      await new Promise((resolve) => setImmediate(resolve));
      inside--;
    };
    await Promise.all(Array.from({ length: 8 }, () => inTurn(path, visit)));
    assert.deepEqual(seen, Array(8).fill(1));
    // Without turns they would all be inside at once.
    seen.length = 0;
    await Promise.all(Array.from({ length: 8 }, visit));
    assert.deepEqual(seen, [1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it('waits for the holder of the lock, returns the result, and leaves no file', async (t) => {
    const folder = temporaryFolder(t);
    const path = `${folder}/keys.json`;
    const lock = await acquireLock(path);
    const order: string[] = [];
    const result = inTurn(path, async () => {
      order.push('in turn');
      return 'done';
    });
    order.push('released');
    await lock.release();
    assert.equal(await result, 'done');
    assert.deepEqual([order, readdirSync(folder)], [['released', 'in turn'], []]);
  });

  it('releases the lock if the callback fails', async (t) => {
    const path = `${temporaryFolder(t)}/keys.json`;
    await assert.rejects(
      inTurn(path, () => Promise.reject(new Error('It failed'))),
      { message: 'It failed' },
    );
    await (await acquireLock(path)).release();
  });

  it('replaces the lock of a killed process', async (t) => {
    const path = `${temporaryFolder(t)}/jot.jsonl`;
    const child = await openElsewhere(t, `file:${path}`, 'matt');
    await kill(child);
    assert.equal(await inTurn(path, async () => 'done'), 'done');
  });
});
