#!/usr/bin/env node
// The `jot` command: the one file that touches the world. It reads the environment and a `.env` file, writes to standard
// output and standard error, listens to signals and ends the process.

import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { createApp } from './app.ts';
import { rotateKeyFile } from './auth/keys.ts';
import { type Config, type Environment, keyFilePath, parseConfig } from './config.ts';
import { JotError } from './lib/errors.ts';
import { createLog } from './lib/log.ts';
import { VERSION } from './lib/version.ts';

const USAGE = `Usage: jot [command]

  serve          start the server (the default)
  keys rotate    sign with a new key; tokens of the older ones stay valid
  help           show this
  version        show the version

Settings come from the environment, and from a file .env where the environment has none.
`;

const EXIT_FAILURE = 1;
const EXIT_USAGE = 2;

// Whoever reads the output may stop reading; that is no reason to stop serving.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => stream.destroy());

await run(process.argv.slice(2).join(' ')).catch((error) => {
  // An expected failure explains itself; anything else is a bug, and its stack is the explanation.
  process.stderr.write(`jot: ${isExpected(error) ? error.message : error.stack}\n`);
  process.exit(EXIT_FAILURE);
});

async function run(command: string): Promise<void> {
  if (command === '' || command === 'serve') await serve(readEnvironment());
  else if (command === 'keys rotate') rotateKeys(readEnvironment());
  else if (['help', '--help', '-h'].includes(command)) process.stdout.write(USAGE);
  else if (['version', '--version', '-v'].includes(command)) process.stdout.write(`${VERSION}\n`);
  else {
    process.stderr.write(`jot: there is no command "${command}"\n\n${USAGE}`);
    process.exitCode = EXIT_USAGE;
  }
}

async function serve(settings: Environment): Promise<void> {
  const writeLog = (line: string) => process.stdout.writable && process.stdout.write(line);
  const app = createApp({ settings, writeLog });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, async () => {
      // The first signal asks to finish; the second one means it.
      for (const again of ['SIGTERM', 'SIGINT'] as const)
        process.once(again, () => process.exit(EXIT_FAILURE));
      await app.close();
      process.exit();
    });
  }
  const url = await app.listen().catch((error) => explained(error, app.config));
  if (app.config.logFormat === 'json') {
    createLog({ format: 'json', write: writeLog, now: Date.now }).info('ready', { url });
    return;
  }
  process.stdout.write(`Jot is ready at ${url} (data: ${app.config.databaseUrl}). Try: curl ${url}/users\n`);
}

function rotateKeys(settings: Environment): void {
  const path = keyFilePath(parseConfig(settings).databaseUrl);
  if (path === null) throw new JotError('unavailable', 'A store in memory has no key file');
  const kid = rotateKeyFile(path, Date.now);
  process.stdout.write(`New tokens are signed with key ${kid} once the server is restarted.\n`);
}

// The environment wins: a file is for defaults.
function readEnvironment(): Environment {
  try {
    return { ...parseEnv(readFileSync('.env', 'utf8')), ...process.env };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return process.env;
    throw error;
  }
}

function explained(error: NodeJS.ErrnoException, { host, port }: Config): never {
  if (error.code !== 'EADDRINUSE') throw error;
  throw new JotError(
    'unavailable',
    `Port ${port} of ${host} is in use; PORT=<another> or PORT=0 picks another one`,
  );
}

// A system error says all there is to say in its message.
function isExpected(error: unknown): error is Error {
  return error instanceof JotError || (error instanceof Error && 'syscall' in error);
}
