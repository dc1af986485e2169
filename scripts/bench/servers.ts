// The servers under comparison. Jot and its peers implement the same API. Each gets an account with
// twenty posts of 300 bytes, and the load client repeats requests of that account.

import { join } from 'node:path';
import { processes, type Server, type Site, startServer } from './process.ts';

const CONNECTIONS = 64;
const LOGIN_CONNECTIONS = 16;
const POSTS = 20;
const JSON_TYPE = { 'Content-Type': 'application/json' };
const CREDENTIALS = JSON.stringify({ username: 'janey', password: 'correct horse battery' });
const NEW_POST = JSON.stringify({ title: 'A title', body: 'x'.repeat(300) });
/** As in production, with limits that no client reaches and tokens that outlive a run. */
export const PRODUCTION = {
  NODE_ENV: 'production',
  RATE_LIMIT: '1000000000/s',
  RATE_LIMIT_AUTH: '1000000000/s',
  RATE_LIMIT_SIGNUP: 'off',
  RATE_LIMIT_LOGIN: '1000000000/s',
  JWT_EXPIRATION_DELTA: '1d',
  DATABASE_URL: 'file:jot.jsonl',
};

/**
 * No certificates, since handshakes are not measured and encryption costs the same without them.
 */
const TLS = {
  ciphers: 'ADH-AES128-GCM-SHA256:@SECLEVEL=0',
  dhparam: 'auto',
  maxVersion: 'TLSv1.2',
  rejectUnauthorized: false,
} as const;

export const routes = ['get', 'list', 'create', 'login'] as const;
export type Route = (typeof routes)[number];

/** The repeated request. A response with another status fails the run. */
export interface Target {
  readonly connections: number;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly status: number;
}

export interface ApiServer extends Server {
  readonly targets: Readonly<Record<Route, Target>>;
}

export interface Peer {
  readonly name: string;
  readonly routes: readonly Route[];
  start(site: Site): Promise<ApiServer>;
}

export async function startJot(site: Site, settings = {}, args = [join(site.dist, 'jot.cjs')]) {
  return withAccount(await startServer(site, args, { env: { ...PRODUCTION, ...settings } }));
}

/**
 * Starts a TLS proxy on the core of Jot, which is an upper bound for the cost of TLS in a proxy.
 */
export async function startJotBehindTls(site: Site): Promise<ApiServer> {
  const jot = await startJot(site);
  const args = [`${processes}tls-proxy.mjs`, String(jot.port), JSON.stringify(TLS)];
  const proxy = await startServer(site, args, { tls: TLS });
  const cpuSeconds = () => proxy.cpuSeconds() + jot.cpuSeconds();
  return { ...proxy, cpuSeconds, targets: jot.targets };
}

/** Signs up and creates the posts. */
export async function withAccount(server: Server): Promise<ApiServer> {
  const post = { connections: CONNECTIONS, method: 'POST', headers: JSON_TYPE, status: 201 };
  const signUp = { ...post, path: '/users', body: CREDENTIALS };
  const login = { ...signUp, connections: LOGIN_CONNECTIONS, path: '/auth', status: 200 };
  const path = `/users/${JSON.parse(await send(server, signUp)).id}/posts`;
  const authorization = { Authorization: `Bearer ${JSON.parse(await send(server, login)).access_token}` };
  const create = { ...post, path, headers: { ...authorization, ...JSON_TYPE }, body: NEW_POST };
  const { id } = JSON.parse(await send(server, create));
  for (let count = 1; count < POSTS; count++) await send(server, create);
  const read = { connections: CONNECTIONS, method: 'GET', headers: authorization, body: '', status: 200 };
  const get = { ...read, path: `${path}/${id}` };
  const list = { ...read, path: `${path}?limit=${POSTS}` };
  return { ...server, targets: { get, list, create, login } };
}

/**
 * Returns the body of one response.
 *
 * @throws Error if the status is not the expected one.
 */
export async function send(server: Server, target: Target): Promise<string> {
  const { path, method, headers, body, status } = target;
  const url = `http://127.0.0.1:${server.port}${path}`;
  const response = await fetch(url, { method, headers, body: body === '' ? null : body });
  const text = await response.text();
  if (response.status === status) return text;
  throw new Error(`Cannot use ${path}: expected status ${status}; got ${response.status}: ${text}`);
}
