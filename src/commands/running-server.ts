// How a command reaches the server that has the data file: through the socket that is the file's lock. A server whose store is
// in memory has no such socket. Without a server a command does its work itself, on a file that may be another one than its
// user thinks, so it says which it was, and who did it.

import { resolve } from 'node:path';
import { parseConfig } from '../config.ts';
import { JotError } from '../lib/errors.ts';
import { callRunning } from '../store/file/offline.ts';
import { filePath } from '../store/open.ts';
import type { World } from './command.ts';

/** What a running server said, as it came. */
export interface Reply {
  /** `process 4711`. */
  readonly server: string;
  readonly answer: unknown;
}

/** What a command has changed. */
export interface Worked {
  readonly kind: 'data' | 'key';
  readonly path: string;
  /** Null where none was running. */
  readonly server: string | null;
  /** Whether there was no such file before. */
  readonly isNew?: boolean;
}

/** Says where something was changed, on standard error: programs read the other one. */
export function reportWhere(
  { stderr, settings }: World,
  { kind, path, server, isNew = false }: Worked,
): void {
  const isDefault = (settings.DATABASE_URL ?? '').trim() === '';
  const why = isDefault ? ', since there was none and DATABASE_URL is not set' : ', since there was none';
  const made = isNew ? ` was made${why}` : '';
  const by = server === null ? 'no server was running' : `through the server, ${server}`;
  stderr.write(`jot: ${kind} file ${resolve(path)}${made}; ${by}\n`);
}

/** The data file that the settings name, which is where a server is reached. */
export function serverDataFile({ settings }: World): string {
  const path = filePath(parseConfig(settings).databaseUrl);
  if (path !== null) return path;
  throw new JotError(
    'unavailable',
    'DATABASE_URL names a store in memory: what is in it ends with its server, and nothing else can reach it',
  );
}

/**
 * Asks the running server for something.
 *
 * @returns null when none is running.
 * @throws JotError `unavailable` in the server's words when it refuses, or when it gave no answer.
 */
export async function askServer(path: string, name: string, value?: unknown): Promise<Reply | null> {
  const said = await callRunning(path, name, value);
  if (said === null) return null;
  const { owner: server, answer } = said;
  if (answer?.startsWith('ok ')) return { server, answer: JSON.parse(answer.slice('ok '.length)) };
  if (answer?.startsWith('no ')) throw new JotError('unavailable', answer.slice('no '.length));
  throw new JotError(
    'unavailable',
    `The data file is in use by ${server}, which gave no answer: whether it did what it was asked for is not known`,
  );
}
