// Installs the development dependencies from the lock file when they are missing or older than it. Plain
// JavaScript: it runs before anything that could read TypeScript is there.

import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

const modifiedMs = (path) =>
  statSync(new URL(`../${path}`, import.meta.url), { throwIfNoEntry: false })?.mtimeMs;

/** Runs `npm ci` unless the installed tree is at least as new as the lock file. */
export function install() {
  const installed = modifiedMs('node_modules/.package-lock.json');
  const wanted = modifiedMs('package-lock.json') ?? 0;
  if (installed !== undefined && installed >= wanted) return;
  process.stderr.write('Installing the development tools from the lock file (once) ...\n');
  // NODE_ENV=production would leave out exactly the packages that are wanted here; and none of them needs
  // its install script, so none gets to run one.
  const args = ['ci', '--include=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const { status } = spawnSync('npm', args, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
  if (status === 0) return;
  process.stderr.write('That failed. Node 22.18 and later start Jot without it.\n');
  process.exit(1);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) install();
