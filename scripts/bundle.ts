// Completes `dist` after the compiler: writes the version into it, and bundles the program into one
// script with the command that runs it and V8's code cache. A server that compiles nothing and reads
// three files starts sooner.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { VERSION } from '../src/version.ts';

const TIMEOUT_MS = 60_000;

const dist = fileURLToPath(new URL('../dist', import.meta.url));
const inBundleFolder = (name: string) => fileURLToPath(new URL(`bundle/${name}`, import.meta.url));
const bundle = join(dist, 'bundle.js');

writeFileSync(join(dist, 'version.js'), `export const VERSION = ${JSON.stringify(VERSION)};\n`);
// A script has no modules, so it is a function that receives `require`.
await build({
  entryPoints: [join(dist, 'main.js')],
  outfile: bundle,
  bundle: true,
  platform: 'node',
  format: 'cjs',
  charset: 'ascii',
  target: 'node20.19',
  banner: { js: '(function (require) {' },
  footer: { js: '})' },
  logLevel: 'warning',
});
copyFileSync(inBundleFolder('jot.cjs'), join(dist, 'jot.cjs'));
const folder = mkdtempSync(join(tmpdir(), 'jot-bundle-'));
try {
  await makeCodeCache(folder);
} catch (error) {
  // Where no server may be started, a server can still be built.
  const reason = (error as Error).message;
  process.stderr.write(
    `What V8 compiles could not be kept: ${reason}. Jot starts all the same, a fifth later.\n`,
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** Starts it in a folder of its own, as it is started in production, and asks for the users. */
async function makeCodeCache(cwd: string): Promise<void> {
  const cache = join(dist, `bundle.${process.version}-${process.arch}.cache`);
  const program = fork(inBundleFolder('code-cache.cjs'), [bundle, cache], {
    cwd,
    env: { NODE_ENV: 'production', PORT: '0', DATABASE_URL: 'file:jot.jsonl' },
    execArgv: [],
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL',
  });
  const ended = once(program, 'exit');
  try {
    for await (const line of createInterface({ input: program.stdout as Readable })) {
      const { message, url } = JSON.parse(line);
      if (message !== 'ready') continue;
      await (await fetch(`${url}/users`)).text();
      program.send('now');
    }
  } catch (error) {
    program.kill('SIGKILL');
    await ended;
    throw error;
  }
  const [code, signal] = await ended;
  if (code !== 0) throw new Error(`the program ended with ${code ?? signal}`);
}
