// Makes of the whole program one script and puts it into `dist`, with the command that runs it and the code that V8 makes of it:
// a server that compiles nothing and reads three files answers sooner.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const dist = fileURLToPath(new URL('../dist', import.meta.url));
const inBundleFolder = (name: string) => fileURLToPath(new URL(`bundle/${name}`, import.meta.url));
const bundle = join(dist, 'bundle.js');

// A script knows neither modules nor where it lies, so it is a function that is told.
await build({
  entryPoints: [fileURLToPath(new URL('../src/main.ts', import.meta.url))],
  outfile: bundle,
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20.19',
  define: { 'import.meta.dirname': '__dirname' },
  banner: { js: '(function (require, __dirname) {' },
  footer: { js: '})' },
  logLevel: 'warning',
});
copyFileSync(inBundleFolder('jot.cjs'), join(dist, 'jot.cjs'));
const folder = mkdtempSync(join(tmpdir(), 'jot-bundle-'));
try {
  await makeCodeCache(folder);
} finally {
  rmSync(folder, { recursive: true });
}

/** Starts it in a folder of its own, as it is started in production, and asks for the users. */
async function makeCodeCache(cwd: string): Promise<void> {
  const cache = join(dist, `bundle.${process.version}-${process.arch}.cache`);
  const env = { NODE_ENV: 'production', PORT: '0', DATABASE_URL: 'file:jot.jsonl' };
  const program = fork(inBundleFolder('code-cache.cjs'), [bundle, cache], {
    ...{ cwd, env, execArgv: [], stdio: ['ignore', 'pipe', 'inherit', 'ipc'] },
  });
  const ended = once(program, 'exit');
  for await (const line of createInterface({ input: program.stdout ?? Readable.from([]) })) {
    const { message, url } = JSON.parse(line);
    if (message !== 'ready') continue;
    await (await fetch(`${url}/users`)).text();
    program.send('now');
  }
  const [code] = await ended;
  if (code !== 0) throw new Error(`the program ended with ${code} before it answered`);
}
