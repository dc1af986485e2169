// The whole application on a free port of loopback, and a client for it. The only parts that are not real are the clock,
// which stands still until a test moves it, and the settings: rows in memory, the cheapest hash, every limit off. A test
// switches on the settings that it is about.

import { type Agent, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import type { TestContext } from 'node:test';
import { type App, type AppOptions, createApp } from '../../../src/app.ts';
import { limitNames, rateSetting } from '../../../src/limit/limits.ts';
import { Wire } from './wire.ts';

const QUIET = {
  PORT: '0',
  // Below the lowest limit of open files that systems set, so that no warning is logged.
  MAX_CONNECTIONS: '900',
  DATABASE_URL: 'memory:',
  PASSWORD_COST: 'ln=1,r=1,p=1',
  LOG: 'json',
  EXPLAIN: 'off',
  ...Object.fromEntries(limitNames.map((name) => [rateSetting(name), 'off'])),
};

export const START_MS = Date.UTC(2026, 10, 23, 12, 0, 0);

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The parsed body; undefined if it is empty or not JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: tests assert what is in it.
  readonly json: any;
}

export interface CallOptions {
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as a form. */
  readonly form?: Record<string, string>;
  /** Sent unchanged; its type has to be among the headers. */
  readonly body?: string | Uint8Array;
  /** Sent as `Authorization: JWT <token>`. */
  readonly token?: string;
  readonly headers?: Record<string, string>;
  /** Default: a connection for this request alone. */
  readonly agent?: Agent;
}

export interface Tokens {
  readonly access: string;
  readonly refresh: string;
}

export interface TestServer {
  readonly app: App;
  readonly url: string;
  readonly port: number;
  /** The server's time, in milliseconds since the epoch. */
  readonly clock: { ms: number };
  /** Every line of the log so far. */
  readonly log: string[];
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  /** Resolves to the id of the new user. */
  signUp(username: string, password?: string): Promise<number>;
  signIn(username: string, password?: string): Promise<Tokens>;
  close(): Promise<void>;
}

/** Starts a server that is closed when the test is over. */
export async function startServer(
  t: Pick<TestContext, 'after'>,
  settings: Record<string, string> = {},
  options: Omit<AppOptions, 'settings'> = {},
): Promise<TestServer> {
  const clock = { ms: START_MS };
  const log: string[] = [];
  const app = createApp({
    now: () => clock.ms,
    writeLog: (line) => log.push(line),
    ...options,
    settings: { ...QUIET, ...settings },
  });
  const url = await app.listen();
  t.after(() => app.close());
  const port = Number(new URL(url).port);
  const call: TestServer['call'] = (method, path, callOptions = {}) => send(port, method, path, callOptions);
  return {
    app,
    url,
    port,
    clock,
    log,
    call,
    signUp: async (username, password = 'secret') =>
      (await call('POST', '/users', { json: { username, password } })).json.id,
    signIn: async (username, password = 'secret') => {
      const { json } = await call('POST', '/auth', { json: { username, password } });
      return { access: json.access_token, refresh: json.refresh_token };
    },
    close: () => app.close(),
  };
}

/** Sends one request and resolves to its response. */
export function send(port: number, method: string, path: string, options: CallOptions = {}): Promise<Answer> {
  const { headers, body } = encode(options);
  const { agent = false } = options;
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port, method, path, headers, agent }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        const isJson = text !== '' && response.headers['content-type']?.startsWith('application/json');
        const json = isJson ? JSON.parse(text) : undefined;
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json });
      });
    });
    request.on('error', reject);
    request.end(body);
  });
}

/** Sends bytes as they are; resolves to everything that was received until the server closed the connection. */
export async function sendRaw(port: number, ...pieces: (string | Uint8Array)[]): Promise<string> {
  const wire = await Wire.open(port, ...pieces);
  await wire.closed;
  return wire.unread;
}

function encode({ json, form, body, token, headers = {} }: CallOptions) {
  const authorization = token === undefined ? {} : { authorization: `JWT ${token}` };
  const all: Record<string, string> = { ...authorization, ...headers };
  if (json !== undefined) {
    return { headers: { 'content-type': 'application/json', ...all }, body: JSON.stringify(json) };
  }
  if (form !== undefined) {
    const type = 'application/x-www-form-urlencoded';
    return { headers: { 'content-type': type, ...all }, body: new URLSearchParams(form).toString() };
  }
  return { headers: all, body };
}
