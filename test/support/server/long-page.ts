// A server with a page that no send buffer holds, and clients that request it and read nothing: stands in for slow or
// hostile readers, whose responses the server has to keep in memory or cut.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { AppOptions } from '../../../src/app.ts';
import { hash } from '../../../src/auth/password.ts';
import { openStore } from '../../../src/store/open.ts';
import { temporaryFolder } from '../disk/temporary-folder.ts';
import { START_MS, startServer, type TestServer } from './server.ts';
import { Wire } from './wire.ts';

/** Length of the only post on the page: the first post is on its page however long it is. */
export const LARGE = 8 * 900_000;

export interface LongPageServer extends TestServer {
  /** Requests the page for a client behind a proxy that reads nothing until `resume`. */
  ask(address: string, behind?: string, lines?: string): Promise<Wire>;
}

export async function startWithLongPage(
  t: TestContext,
  options: Omit<AppOptions, 'settings'> = {},
): Promise<LongPageServer> {
  // No body is that long, but a post in a data file may be.
  const url = `file:${join(temporaryFolder(t), 'jot.jsonl')}`;
  const store = await openStore(url);
  const created = START_MS;
  const password_hash = await hash('secret', { ln: 1, r: 1, p: 1 });
  const { id: user_id } = await store.users.create({ username: 'matt', password_hash, created });
  const body = 'x'.repeat(LARGE);
  await store.posts.create({ user_id, title: 'Long', body, created, updated: created });
  await store.close();
  const server = await startServer(t, { DATABASE_URL: url, TRUST_PROXY: '127.0.0.1' }, options);
  const { access } = await server.signIn('matt');
  const ask = async (address: string, behind = '', lines = '') => {
    const wire = await Wire.open(server.port);
    wire.pause();
    const head = `GET /users/1/posts HTTP/1.1\r\nHost: a\r\nAuthorization: JWT ${access}\r\n${lines}`;
    wire.write(`${head}X-Forwarded-For: ${address}\r\n\r\n${behind}`);
    return wire;
  };
  return { ...server, ask };
}

export async function backlogOf({
  call,
}: Pick<TestServer, 'call'>): Promise<{ bytes: number; cuts: number }> {
  const { text } = await call('GET', '/metrics');
  const [bytes, cuts] = ['bytes', 'cuts_total'].map((name) =>
    Number(new RegExp(`^jot_backlog_${name} (\\d+)$`, 'm').exec(text)?.[1]),
  );
  return { bytes: bytes ?? 0, cuts: cuts ?? 0 };
}

/** Resolves once the server holds or has cut this many responses. */
export async function untilHeld(server: Pick<TestServer, 'call'>, answers: number): Promise<void> {
  for (let count = 0; count < 10_000; count++) {
    const { bytes, cuts } = await backlogOf(server);
    if (Math.floor(bytes / LARGE) + cuts === answers) return;
  }
  assert.fail(`${answers} answers were never held`);
}
