// The lock of a data file: at most one process holds it. Node offers no file locks. The obvious
// solution, a file with a process id, fails after `kill -9`: by then the id may belong to another
// program, or to a process in another container. But the kernel closes the listening sockets of a
// dead process. So the holder listens on a Unix socket next to the data file. A connection that is
// accepted proves a holder; a connection that is refused proves a stale socket.
//
// Two processes that start at the same moment must not both win. So each process first listens on a
// socket with a unique name, and then connects to the others. If another process is listening, it
// steps back. Of two processes, the one that checks later finds the earlier one listening; at worst
// both step back. Only the holder removes stale sockets.
//
// The lock covers one kernel: containers that share the folder, but not machines that share it over
// a network.

import { randomBytes } from 'node:crypto';
import { open, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { isMainThread } from 'node:worker_threads';
import { JotError } from '../lib/errors.ts';
import { ignoreMissing } from '../lib/file-access.ts';
import {
  ask,
  createControlServer,
  formatRequest,
  type HolderResponse,
  type RequestHandler,
  UNKNOWN_HOLDER,
  wasDelivered,
} from './protocol.ts';
import { listenPrivately, lockPrefix, locksIn, settleOwner, socketPath } from './socket.ts';

const TURN_MS_MAX = 10_000;
const RETRY_MS_MIN = 5;
const RETRY_MS_MAX = 50;
// Longer than idle connections can block the socket.
const ASKING_MS_MAX = 4_000;

export interface Lock {
  /** Handles later requests with this handler. */
  handleWith(handler: RequestHandler): void;
  /** Releases the lock. */
  release(): Promise<void>;
}

/**
 * Acquires the lock of a data file. The file need not exist, but its folder must.
 *
 * @param path Without symbolic links: two names of one file must lead to the same lock.
 * @throws JotError `unavailable` with the name of the holder, if another process holds the lock.
 */
export async function acquireLock(path: string): Promise<Lock> {
  const lock = await tryLock(path);
  if (typeof lock !== 'string') return lock;
  throw new JotError('unavailable', `The data file ${path} is in use by ${lock}; stop it first`);
}

/**
 * Calls `use` while holding the lock; waits for the lock if another process holds it.
 *
 * @param path As for `acquireLock`, of any file.
 * @throws JotError `unavailable` if the lock is not free within ten seconds.
 */
export async function inTurn<T>(path: string, use: () => Promise<T>): Promise<T> {
  const untilMs = performance.now() + TURN_MS_MAX;
  let lock = await tryLock(path);
  while (typeof lock === 'string') {
    if (performance.now() > untilMs) throw new JotError('unavailable', `${path} is in use by ${lock}`);
    // Two processes that stepped back from each other must not retry at the same moment.
    await briefly();
    lock = await tryLock(path);
  }
  try {
    return await use();
  } finally {
    await lock.release();
  }
}

/** @returns the lock, or the name of its holder. */
async function tryLock(path: string): Promise<Lock | string> {
  const folder = dirname(path);
  const own = `${lockPrefix(path)}${randomBytes(6).toString('hex')}`;
  const handle = await open(folder, 'r');
  let handler: RequestHandler = () =>
    Promise.reject(new JotError('unavailable', 'it does not accept requests at the moment'));
  const { server, connections } = createControlServer((request) => handler(request));
  const release = async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    // Closes idle connections without waiting; a response that is being written is still sent.
    for (const socket of connections) socket.destroySoon();
    await closed;
    await handle.close();
  };
  try {
    await listenPrivately(server, socketPath(folder, own, handle));
    await settleOwner(join(folder, own));
    const others = (await locksIn(folder, path)).filter((file) => file !== own);
    const holder = await holderOf(others.map((other) => socketPath(folder, other, handle)));
    // A process that checked between our `bind` and `listen` saw a stale socket. It may have
    // removed the socket, and may even have exited since.
    const isSeen = (await locksIn(folder, path)).includes(own);
    if (holder !== null || !isSeen) {
      await release();
      return holder ?? UNKNOWN_HOLDER;
    }
    // From here on this process holds the lock, and the sockets that refused are stale.
    for (const other of others) await unlink(join(folder, other)).catch(ignoreMissing);
    const handleWith = (next: RequestHandler) => {
      if (isMainThread) handler = next;
    };
    return { handleWith, release };
  } catch (error) {
    await release();
    throw error;
  }
}

async function holderOf(paths: readonly string[]): Promise<string | null> {
  for (const path of paths) {
    const response = await ask(path, '');
    if (response !== null) return response.holder;
  }
  return null;
}

/**
 * Sends a request to the holder of the lock, and retries while the holder is busy.
 *
 * @param value Serialized as JSON.
 * @param askingMsMax Maximum time of retrying in milliseconds.
 * @returns the response, which begins with `ok` or `no`; null if no process holds the lock.
 * @throws JotError `unavailable` if the request could not be delivered.
 */
export async function callHolder(
  path: string,
  name: string,
  value?: unknown,
  askingMsMax = ASKING_MS_MAX,
): Promise<HolderResponse | null> {
  const request = formatRequest(name, value);
  const untilMs = performance.now() + askingMsMax;
  let response = await callOnce(path, request, askingMsMax);
  while (response !== null && !wasDelivered(response)) {
    if (performance.now() >= untilMs) throw undelivered(path, response, askingMsMax);
    await briefly();
    response = await callOnce(path, request, askingMsMax);
  }
  return response;
}

async function callOnce(
  path: string,
  request: string,
  greetingMsMax: number,
): Promise<HolderResponse | null> {
  const folder = dirname(path);
  const handle = await open(folder, 'r');
  try {
    for (const file of await locksIn(folder, path)) {
      const response = await ask(socketPath(folder, file, handle), request, greetingMsMax);
      if (response !== null) return response;
    }
    return null;
  } finally {
    await handle.close();
  }
}

function undelivered(path: string, { holder }: HolderResponse, askingMsMax: number): JotError {
  const who = holder === UNKNOWN_HOLDER ? 'did not respond' : `(${holder}) was busy`;
  const forSeconds = `for ${askingMsMax / 1000} s`;
  return new JotError(
    'unavailable',
    `The server that holds the data file ${path} ${who} ${forSeconds}, so no request was sent; check the server or try again`,
  );
}

async function briefly(): Promise<void> {
  await wait(RETRY_MS_MIN + Math.random() * (RETRY_MS_MAX - RETRY_MS_MIN));
}
