// Installs the peers in pinned versions, in a separate folder, so that they never become
// dependencies of Jot.

import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startServer } from './process.ts';
import { root } from './scratch.ts';
import { type Peer, routes, withAccount } from './servers.ts';

const FOLDER = join(root, 'node_modules/.cache/jot-bench-peers');
const PACKAGES = [
  ...['fastify@5.12.8', '@fastify/jwt@10.2.8', '@fastify/rate-limit@11.2.0'],
  ...['express@5.3.0', 'jsonwebtoken@9.0.3', 'express-rate-limit@8.7.5', 'json-server@0.17.3'],
  ...['hono@4.13.19', '@hono/node-server@2.1.9', 'hono-rate-limiter@0.5.4'],
  ...['pino@10.4.0', 'better-sqlite3@12.6.2'],
];

const peers: readonly Peer[] = [
  peer('Fastify', ['fastify.mjs'], routes),
  peer('Fastify, better-sqlite3', ['fastify.mjs', 'sqlite'], ['create']),
  peer('Express', ['express.mjs'], routes),
  peer('Hono', ['hono.mjs'], routes),
  peer('json-server', ['express.mjs', 'json-server'], ['get', 'list', 'create']),
];

/** @throws Error if npm cannot install the packages. */
export function installPeers(): readonly Peer[] {
  mkdirSync(FOLDER, { recursive: true });
  cpSync(fileURLToPath(new URL('peers', import.meta.url)), FOLDER, { recursive: true });
  const npm = (args: readonly string[]) =>
    execFileSync('npm', [...args, `--prefix=${FOLDER}`, '--no-audit', '--no-fund'], { stdio: 'inherit' });
  // Only SQLite has to be compiled; no other package may run an install script.
  npm(['install', '--ignore-scripts', '--save-exact', ...PACKAGES]);
  const binary = 'node_modules/better-sqlite3/build/Release/better_sqlite3.node';
  if (!existsSync(join(FOLDER, binary))) npm(['rebuild', 'better-sqlite3']);
  return peers;
}

function peer(name: string, [file = '', ...args]: readonly string[], routes: Peer['routes']): Peer {
  const command = [join(FOLDER, file), ...args];
  const env = { NODE_ENV: 'production', NODE_NO_WARNINGS: '1' };
  return { name, routes, start: async (site) => withAccount(await startServer(site, command, { env })) };
}
