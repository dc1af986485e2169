// `jot serve`: starts the server, prints its address, and shuts it down on a signal.
//
// A second signal ends the process immediately. But Ctrl-C in a terminal reaches every process of
// the foreground group, and npm then forwards the signal to its child, which has already received
// it. So the same signal within half a second is an echo, and is ignored.

import { createApp } from '../app.ts';
import type { Config } from '../config.ts';
import { JotError } from '../lib/errors.ts';
import { LineBuffer } from '../lib/line-buffer.ts';
import { createLog } from '../lib/log.ts';
import { keepNextTickQuick } from '../lib/next-tick.ts';
import { VERSION } from '../version.ts';
import { type Command, damageIn, EXIT_FAILURE, type World } from './command.ts';

const ECHO_MS_MAX = 500;

export const serve: Command = {
  name: 'serve',
  summary: 'start the server (the default)',
  async run(world) {
    keepNextTickQuick();
    const { settings, stdout, process } = world;
    const lines = new LineBuffer((text) => stdout.writable && stdout.write(text));
    process.on('exit', lines.flush);
    const app = createApp({ settings, writeLog: lines.add });
    const { isClosing, closed } = closeOnSignals(world, app.close);
    const url = await app.listen().catch((error) => {
      // A start that a signal interrupts is not a failure.
      if (isClosing()) return null;
      throw explained(error, app.config);
    });
    if (url !== null) announce(url, app.config, lines.add);
    await closed;
    process.exit(0);
  },
};

function closeOnSignals({ process, elapsed }: World, close: (signal: string) => Promise<void>) {
  let first: { readonly signal: string; readonly atMs: number } | null = null;
  const closed = new Promise<void>((resolve) => {
    const onSignal = (signal: string) => {
      if (first === null) {
        first = { signal, atMs: elapsed() };
        resolve(close(signal));
      } else if (signal !== first.signal || elapsed() - first.atMs >= ECHO_MS_MAX) {
        process.exit(EXIT_FAILURE);
      }
    };
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, onSignal);
  });
  return { isClosing: () => first !== null, closed };
}

function announce(url: string, { logFormat, databaseUrl }: Config, writeLog: (line: string) => void): void {
  if (logFormat === 'json') {
    const log = createLog({ format: 'json', write: writeLog, now: Date.now });
    log.info('ready', { url, data: databaseUrl, version: VERSION });
  } else {
    writeLog(`Jot is ready at ${url} (data: ${databaseUrl}). Try: curl ${url}/users\n`);
  }
}

function explained(error: NodeJS.ErrnoException, { host, port }: Config): Error {
  const cause = damageIn(error);
  if (cause !== null)
    return new JotError('unavailable', `${error.message}; run \`jot check\` for details`, { cause });
  if (error.syscall !== 'listen' && error.syscall !== 'getaddrinfo') return error;
  const problem = `Cannot listen with HOST=${host} and PORT=${port}: ${error.message}`;
  return new JotError('unavailable', problem, { cause: error });
}
