// A server with a page that no send buffer holds, and clients that request it and read nothing: stands in for slow or
// hostile readers, whose responses the server has to keep in memory or cut.

import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { AppOptions } from '../../../src/app.ts';
import { startServer, type TestServer } from './server.ts';
import { Wire } from './wire.ts';

/** Length of the only post on the page: the first post is on its page however long it is. */
export const LARGE = 8 * 900_000;
/** A body limit that lets the post in. */
export const LARGE_BODY = { MAX_BODY: '8MiB' };

export interface LongPageServer extends TestServer {
  /** Requests the page for a client behind a proxy that reads nothing until `resume`. */
  ask(address: string, behind?: string, lines?: string): Promise<Wire>;
}

export async function startWithLongPage(
  t: TestContext,
  options: Omit<AppOptions, 'settings'> = {},
): Promise<LongPageServer> {
  const server = await startServer(t, { ...LARGE_BODY, TRUST_PROXY: '127.0.0.1' }, options);
  await server.signUp('matt');
  const { access } = await server.signIn('matt');
  const json = { title: 'Long', body: 'x'.repeat(LARGE) };
  assert.equal((await server.call('POST', '/users/1/posts', { token: access, json })).status, 201);
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
  const [bytes, cuts] = ['bytes', 'cuts'].map((name) =>
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
