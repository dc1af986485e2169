// How a command changes a data file that a running server may hold. Only the holder may write, so the command asks it through
// the socket that is the file's lock; without a holder, the command opens the file and does the work itself. The file may be
// another one than the operator thinks, so standard error says which file it was, and who changed it.

import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { JotError } from '../lib/errors.ts';
import { createLog, type Log } from '../lib/log.ts';
import { type Type, validate } from '../schema/schema.ts';
import { explained } from '../store/file/data-path.ts';
import { openFileStore } from '../store/file/file-store.ts';
import { callRunning } from '../store/file/offline.ts';
import type { Store } from '../store/store.ts';
import type { World } from './command.ts';

/** A request to the running server, and the type of its response. */
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
 * Has the running server handle the request; without one, does it here on the open store. Reports which.
 *
 * @param here Resolves to what the server would respond.
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
 * @returns null if none is running.
 * @throws JotError `unavailable` in the server's words if it refuses, or if its response is missing or of another type.
 */
export async function askServer<T>(
  path: string,
  { name, value, type }: ServerRequest<T>,
): Promise<Served<T> | null> {
  const heard = await callRunning(path, name, value);
  if (heard === null) return null;
  const { holder: server, response } = heard;
  const [, verdict, text = ''] = /^(ok|no) (.*)$/.exec(response ?? '') ?? [];
  if (verdict === 'no') throw new JotError('unavailable', text);
  try {
    return { server, response: validate(type, JSON.parse(text)) };
  } catch {
    const problem = 'sent no valid response; whether it did anything is unknown';
    throw new JotError('unavailable', `The running server, ${server}, ${problem}`);
  }
}

/** Says on standard error which file was changed, and by which server, if any. Programs read standard output. */
export function reportWhere({ stderr }: World, path: string, server?: string, kind = 'data'): void {
  const by = server === undefined ? 'no server was running' : `through the server, ${server}`;
  stderr.write(`jot: ${kind} file ${resolve(path)}; ${by}\n`);
}

/** @throws JotError `unavailable` if there is no such file: opening it would create one. */
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
  const store = await openFileStore(path, { now, log });
  try {
    return await use(store, log);
  } finally {
    await store.close();
  }
}
