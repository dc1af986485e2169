// Runs a TypeScript file in this very process: `node scripts/run.mjs src/main.ts [argument ...]`. Node 22.18 and
// later read TypeScript themselves, so nothing is installed; on Node 20 `tsx` does, installed on the first call.
// No child process: a signal sent to this one reaches the server.

import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { install } from './install.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const [file, ...args] = process.argv.slice(2);
const path = resolve(root, file);

if (!process.features.typescript) {
  install();
  const { register } = await import('tsx/esm/api');
  register();
}
process.argv = [process.argv[0], path, ...args];
await import(pathToFileURL(path).href);
