// A server that can be measured: bare `node:http`, Jot, or a peer that offers the same routes. Each is started in a folder of
// its own and gives an account with twenty posts; from it come the requests that are made over and over.

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createAccount } from './account.ts';
import { newFolder, type Site } from './bench.ts';
import type { Target } from './load.ts';
import { type ServerProcess, startServer } from './process.ts';

export type Route = 'get' | 'list' | 'create' | 'login';

export interface Started {
  readonly server: ServerProcess;
  /** Signed in anew, since an access token lives for five minutes. */
  target(route: Route): Promise<Target>;
}

export interface Contender {
  readonly name: string;
  /** Which routes it is compared in; for a peer that is there for one of them. */
  readonly routes: readonly Route[];
  start(site: Site): Promise<Started>;
}

export interface JotOptions {
  readonly settings?: Readonly<Record<string, string>>;
  /** For Node. */
  readonly flags?: readonly string[];
  readonly folder?: string;
}

const ALL_ROUTES: readonly Route[] = ['get', 'list', 'create', 'login'];
const bareServer = fileURLToPath(new URL('processes/bare-server.mjs', import.meta.url));
const tlsProxy = fileURLToPath(new URL('processes/tls-proxy.mjs', import.meta.url));

/** As in production: every part is on, and the limits are so high that nobody meets them. */
const PRODUCTION = {
  NODE_ENV: 'production',
  RATE_LIMIT: '1000000000/s',
  RATE_LIMIT_AUTH: '1000000000/s',
  RATE_LIMIT_LOGIN: '1000000000/s',
  DATABASE_URL: 'file:jot.jsonl',
};

export const jot: Contender = {
  name: 'Jot',
  routes: ALL_ROUTES,
  start: (site) => startJot(site),
};

export async function startJot(site: Site, options: JotOptions = {}): Promise<Started> {
  const server = await startJotServer(site, options);
  const account = await createAccount(server.port);
  return { server, target: (route) => account.target(route) };
}

/** On the same core as what is in front of it: a bound for what a proxy that does TLS can cost. */
export async function startJotBehindTls(site: Site): Promise<Started> {
  const { server, target } = await startJot(site);
  const folder = newFolder(site, 'proxy');
  const proxy = await startServer({
    name: 'the TLS proxy',
    args: [tlsProxy, String(server.port)],
    cwd: folder,
    core: site.cores?.server ?? null,
    firstPath: '/users',
    logPath: join(folder, 'proxy.log'),
    isSecure: true,
  });
  const cpuSeconds = () => {
    const [outer, inner] = [proxy.cpuSeconds(), server.cpuSeconds()];
    return outer === null || inner === null ? null : outer + inner;
  };
  const stop = async () => {
    await proxy.stop();
    await server.stop();
  };
  return {
    server: { ...proxy, cpuSeconds, stop },
    target: async (route) => ({ ...(await target(route)), isSecure: true }),
  };
}

/** Without an account: the store is as it was. */
export function startJotServer(
  site: Site,
  { settings = {}, flags = [], folder = newFolder(site, 'jot') }: JotOptions = {},
): Promise<ServerProcess> {
  return startServer({
    name: 'Jot',
    args: [...flags, site.program],
    env: { ...PRODUCTION, ...settings },
    cwd: folder,
    core: site.cores?.server ?? null,
    firstPath: '/users',
    logPath: join(folder, 'access.log'),
  });
}

/** @param bodyPath The file that it answers with; null: something small. */
export function startBare(site: Site, status: number, bodyPath: string | null): Promise<ServerProcess> {
  const folder = newFolder(site, 'bare');
  return startServer({
    name: 'node:http',
    args: [bareServer, String(status), ...(bodyPath === null ? [] : [bodyPath])],
    cwd: folder,
    core: site.cores?.server ?? null,
    firstPath: '/',
    logPath: join(folder, 'access.log'),
  });
}
