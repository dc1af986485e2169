// One process owns the data file. Node offers no file locks, and a file with a process id in it goes wrong after
// `kill -9`: the id may belong to another program by then, or to a process in another container. What the kernel does
// take back from a dead process is a listening socket. So the owner listens on a Unix socket beside the data file, and
// whether there is an owner is asked by connecting: somebody answers, or the connection is refused and the socket is a
// leftover.
//
// Two that start at the same moment must not both win, so nobody removes or replaces another's socket before owning the
// file: each listens on a socket with a name of its own first, and only then looks at the others. Whoever finds one that
// answers steps back. Of two, the one that looks later finds the earlier one listening; at worst both step back.
//
// It covers one kernel: containers that share the folder, yes; machines that share it over a network, no.

import { randomBytes } from 'node:crypto';
import { open, unlink } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { isMainThread } from 'node:worker_threads';
import { JotError } from '../lib/errors.ts';
import { ignoreMissing } from '../lib/file-access.ts';
import {
  ask,
  createControlServer,
  formatRequest,
  type Heard,
  type RequestHandler,
  UNKNOWN_HOLDER,
  wasAsked,
} from './protocol.ts';
import { listenPrivately, lockPrefix, locksIn, settleOwner, socketPath } from './socket.ts';

const TURN_MS_MAX = 10_000;
const RETRY_MS_MIN = 5;
const RETRY_MS_MAX = 50;
// Longer than connections that ask for nothing can keep others out.
const ASKING_MS_MAX = 4_000;

export interface Lock {
  /** From now on requests get an answer. */
  handleWith(answerer: RequestHandler): void;
  /** Gives the file free. */
  release(): Promise<void>;
}

/**
 * Takes the lock of a data file, which need not be there yet; its folder must.
 *
 * @param path Without symbolic links: two names for one file must lead to one lock.
 * @throws JotError `unavailable` when another process has it, saying which.
 */
export async function acquireLock(path: string): Promise<Lock> {
  const lock = await tryLock(path);
  if (typeof lock !== 'string') return lock;
  throw new JotError('unavailable', `The data file ${path} is in use by ${lock}; stop it first`);
}

/**
 * Does something to a file that takes a moment, once nobody else does. Those who wait and this one all have to come here.
 *
 * @param path As for `acquireLock`; any file will do.
 * @throws JotError `unavailable` when it is not free within ten seconds.
 */
export async function inTurn<T>(path: string, use: () => Promise<T>): Promise<T> {
  const untilMs = performance.now() + TURN_MS_MAX;
  let lock = await tryLock(path);
  while (typeof lock === 'string') {
    if (performance.now() > untilMs) throw new JotError('unavailable', `${path} is in use by ${lock}`);
    // Two that stepped back from each other must not come again at the same moment.
    await briefly();
    lock = await tryLock(path);
  }
  try {
    return await use();
  } finally {
    await lock.release();
  }
}

/** @returns who has it, where somebody does. */
async function tryLock(path: string): Promise<Lock | string> {
  const folder = dirname(path);
  const own = `${lockPrefix(path)}${randomBytes(6).toString('hex')}`;
  const handle = await open(folder, 'r');
  let answerer: RequestHandler = () =>
    Promise.reject(new JotError('unavailable', 'it takes no requests just now'));
  const connections = new Set<Socket>();
  const server = createControlServer((request) => answerer(request)).on('connection', (socket: Socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
  });
  const release = async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    // One that has asked for nothing yet is no reason to wait; an answer that is on its way still gets there.
    for (const socket of connections) socket.destroySoon();
    await closed;
    await handle.close();
  };
  try {
    await listenPrivately(server, socketPath(folder, own, handle));
    await settleOwner(join(folder, own));
    const others = (await locksIn(folder, path)).filter((file) => file !== own);
    const holder = await holderOf(others.map((other) => socketPath(folder, other, handle)));
    // One that looked between `bind` and `listen` took this socket for a leftover, and may have come and gone since.
    const isSeen = (await locksIn(folder, path)).includes(own);
    if (holder !== null || !isSeen) {
      await release();
      return holder ?? UNKNOWN_HOLDER;
    }
    // From here on the file is ours, and what did not answer is nobody's.
    for (const other of others) await unlink(join(folder, other)).catch(ignoreMissing);
    const handleWith = (next: RequestHandler) => {
      if (isMainThread) answerer = next;
    };
    return { handleWith, release };
  } catch (error) {
    await release();
    throw error;
  }
}

async function holderOf(paths: readonly string[]): Promise<string | null> {
  for (const path of paths) {
    const said = await ask(path, '');
    if (said !== null) return said.owner;
  }
  return null;
}

/**
 * Asks the process that has the data file for something.
 *
 * @param value What the request is about; sent as JSON.
 * @returns its answer, or null when nobody has the file.
 * @throws JotError `unavailable` in the owner's words when it can't do that now.
 */
export async function askHolder(path: string, name: string, value?: unknown): Promise<string | null> {
  const said = await callHolder(path, name, value);
  return said === null ? null : responseIn(said);
}

/** What is answered. @throws JotError `unavailable` in the owner's words when it is no. */
export function responseIn({ owner, answer }: Heard): string {
  if (answer?.startsWith('ok ')) return answer.slice('ok '.length);
  const reason = answer === null ? 'it gave no answer' : answer.replace(/^no /, '');
  throw new JotError('unavailable', `The data file is in use by ${owner}: ${reason}`);
}

/**
 * The same, but for what the answer means: it begins with `ok` or `no`.
 *
 * @param askingMsMax For how long it is tried where the owner does not come to be asked.
 */
export async function callHolder(
  path: string,
  name: string,
  value?: unknown,
  askingMsMax = ASKING_MS_MAX,
): Promise<Heard | null> {
  const request = formatRequest(name, value);
  const untilMs = performance.now() + askingMsMax;
  let said = await callOnce(path, request, askingMsMax);
  while (said !== null && !wasAsked(said)) {
    if (performance.now() >= untilMs) throw unanswered(path, said, askingMsMax);
    await briefly();
    said = await callOnce(path, request, askingMsMax);
  }
  return said;
}

async function callOnce(path: string, request: string, greetingMsMax: number): Promise<Heard | null> {
  const folder = dirname(path);
  const handle = await open(folder, 'r');
  try {
    for (const file of await locksIn(folder, path)) {
      const said = await ask(socketPath(folder, file, handle), request, greetingMsMax);
      if (said !== null) return said;
    }
    return null;
  } finally {
    await handle.close();
  }
}

function unanswered(path: string, { owner }: Heard, askingMsMax: number): JotError {
  const who = owner === UNKNOWN_HOLDER ? 'did not answer' : `(${owner}) was busy with others`;
  const forSeconds = `for ${askingMsMax / 1000} s`;
  return new JotError(
    'unavailable',
    `The server that owns the data file ${path} ${who} ${forSeconds}, so it was asked for nothing; look at it, or try again`,
  );
}

async function briefly(): Promise<void> {
  await wait(RETRY_MS_MIN + Math.random() * (RETRY_MS_MAX - RETRY_MS_MIN));
}
