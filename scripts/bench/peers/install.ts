// The peers and their packages, in pinned versions and in a folder of their own below the system's temporary one: never
// among Jot's own dependencies. The folder stays, so that the next run starts at once. What can't be installed is named and
// left out, and everything else is measured.

import { execFile } from 'node:child_process';
import { cpSync, lstatSync, mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createAccount } from '../account.ts';
import { newFolder, type Site } from '../bench.ts';
import type { Contender, Route } from '../contender.ts';
import { startServer } from '../process.ts';

const FASTIFY = ['fastify@5.12.8', '@fastify/jwt@10.2.8', '@fastify/rate-limit@11.2.0'];
const EXPRESS = ['express@5.3.0', 'jsonwebtoken@9.0.3', 'express-rate-limit@8.7.5'];
const HONO = ['hono@4.13.19', '@hono/node-server@2.1.9', 'hono-rate-limiter@0.5.4'];
const LOG = ['pino@10.4.0'];
const SQLITE = 'better-sqlite3@12.6.2';
const INSTALL_WITHIN_MS = 600_000;

const sources = fileURLToPath(new URL('.', import.meta.url));
const ALL_ROUTES: readonly Route[] = ['get', 'list', 'create', 'login'];

interface Peer {
  readonly name: string;
  /** Its program in this folder. */
  readonly program: string;
  readonly packages: readonly string[];
  readonly routes: readonly Route[];
  readonly env?: Readonly<Record<string, string>>;
}

const peers: readonly Peer[] = [
  { name: 'Fastify', program: 'fastify.mjs', packages: [...FASTIFY, ...LOG], routes: ALL_ROUTES },
  {
    name: 'Fastify, better-sqlite3',
    program: 'fastify.mjs',
    packages: [...FASTIFY, ...LOG, SQLITE],
    routes: ['create'],
    env: { STORE: 'posts.sqlite' },
  },
  { name: 'Express', program: 'express.mjs', packages: [...EXPRESS, ...LOG], routes: ALL_ROUTES },
  { name: 'Hono', program: 'hono.mjs', packages: [...HONO, ...LOG], routes: ALL_ROUTES },
  {
    name: 'json-server',
    program: 'json-server.mjs',
    packages: ['json-server@0.17.3', 'jsonwebtoken@9.0.3', 'express-rate-limit@8.7.5', ...LOG],
    routes: ['get', 'list', 'create'],
  },
];

/** @returns those that could be installed. */
export async function installPeers(progress: (text: string) => void): Promise<Contender[]> {
  const contenders: Contender[] = [];
  for (const peer of peers) {
    progress(`installing ${peer.packages.join(' ')}`);
    const folder = await install(peer);
    if (folder !== null) contenders.push(contender(peer, folder));
  }
  return contenders;
}

async function install({ name, packages }: Peer): Promise<string | null> {
  const folder = join(ownFolder(), name.replaceAll(/\W+/g, '-'));
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{"private":true,"type":"module"}\n');
  cpSync(sources, folder, { recursive: true, filter: (path) => !path.endsWith('.ts') });
  // Only SQLite is compiled; nothing else has a reason to run a script.
  const needsScripts = packages.includes(SQLITE);
  const usual = ['install', '--no-audit', '--no-fund', '--loglevel=error', '--save-exact'];
  const quick = needsScripts ? usual : [...usual, '--ignore-scripts'];
  const tries = needsScripts ? [quick, [...quick, '--build-from-source']] : [quick];
  let reason = '';
  for (const args of tries) {
    try {
      const options = { cwd: folder, timeout: INSTALL_WITHIN_MS };
      await promisify(execFile)('npm', [...args, ...packages], options);
      return folder;
    } catch (error) {
      reason = error instanceof Error ? error.message : String(error);
    }
  }
  process.stdout.write(`${name} is left out: it could not be installed.\n${reason}\n`);
  return null;
}

// Others can write to the temporary folder too, and what is in here is run.
function ownFolder(): string {
  const user = process.getuid?.() ?? 0;
  const folder = join(tmpdir(), `jot-bench-peers-${user}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const found = lstatSync(folder);
  if (found.isDirectory() && found.uid === user) return folder;
  throw new Error(`${folder} is somebody else's; remove it`);
}

function contender({ name, program, routes, env = {} }: Peer, installed: string): Contender {
  return {
    name,
    routes,
    async start(site: Site) {
      const folder = newFolder(site, name);
      const server = await startServer({
        name,
        args: [join(installed, program)],
        env: { NODE_ENV: 'production', ...env },
        cwd: folder,
        core: site.cores?.server ?? null,
        firstPath: '/users',
        logPath: join(folder, 'output.log'),
      });
      const account = await createAccount(server.port);
      return { server, target: (route) => account.target(route) };
    },
  };
}
