// Changes a data file that a running server may hold. Only the holder of the lock may write. So the
// command sends a request over the holder's control socket; if no process holds the file, the
// command opens the file and does the work itself. The file may differ from the one the operator
// has in mind, so standard error reports the file and the process that changed it.

import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { JotError } from '../lib/errors.ts';
import { createLog, type Log } from '../lib/log.ts';
import { type Type, validate } from '../schema/schema.ts';
import { DEFAULT_CAPACITY } from '../store/capacity.ts';
import { explained } from '../store/file/data-path.ts';
import { openFileStore } from '../store/file/file-store.ts';
import { callRunning } from '../store/file/offline.ts';
import type { Store } from '../store/store.ts';
import type { World } from './command.ts';

/** A request to the running server, and the type of the response. */
export interface ServerRequest<T> {
  readonly name: string;
  readonly value?: unknown;
  readonly type: Type<T>;
}

/** A response of the running server. */
export interface Served<T> {
  /** `process 4711`. */
  readonly server: string;
  readonly response: T;
}

/**
 * Sends the request to the running server; without one, handles it here on the opened store.
 * Reports which.
 *
 * @param here Resolves to the response that the server would send.
 */
export async function perform<T>(
  world: World,
  path: string,
  request: ServerRequest<T>,
  here: (store: Store, log: Log) => Promise<unknown>,
): Promise<T> {
  const served = await askServer(path, request);
  const response = served?.response ?? validate(request.type, await withStore(world, path, here));
  reportWhere(world, path, served?.server);
  return response;
}

/**
 * Sends a request to the running server.
 *
 * @returns null if no server is running.
 * @throws JotError `unavailable` with the server's message if it refuses, or if the response is
 * missing or of another type.
 */
export async function askServer<T>(
  path: string,
  { name, value, type }: ServerRequest<T>,
): Promise<Served<T> | null> {
  const received = await callRunning(path, name, value);
  if (received === null) return null;
  const { holder: server, response } = received;
  const [, verdict, text = ''] = /^(ok|no) (.*)$/.exec(response ?? '') ?? [];
  if (verdict === 'no') throw new JotError('unavailable', text);
  try {
    return { server, response: validate(type, JSON.parse(text)) };
  } catch {
    const problem = 'sent no valid response; it may or may not have changed the data';
    throw new JotError('unavailable', `The running server, ${server}, ${problem}`);
  }
}

/**
 * Reports on standard error which file was changed, and by which server. Standard output is for
 * programs.
 */
export function reportWhere({ stderr }: World, path: string, server?: string, kind = 'data'): void {
  const by = server === undefined ? 'no server was running' : `through the server, ${server}`;
  stderr.write(`jot: ${kind} file ${resolve(path)}; ${by}\n`);
}

/** @throws JotError `unavailable` if the file does not exist; opening it would create it. */
export async function requireFile(path: string): Promise<void> {
  await explained('find', path, () => stat(path));
}

async function withStore<T>(
  world: World,
  path: string,
  use: (store: Store, log: Log) => Promise<T>,
): Promise<T> {
  const { stderr, now } = world;
  const warnings = createLog({ format: 'text', write: (line) => stderr.write(line), now });
  const log: Log = { ...warnings, info: () => undefined };
  // The heap of this command does not bound what a server may hold.
  const capacity = { ...DEFAULT_CAPACITY, bytes: Number.POSITIVE_INFINITY };
  const store = await openFileStore(path, { now, log, rowsInFile: true, capacity });
  try {
    return await use(store, log);
  } finally {
    await store.close();
  }
}
