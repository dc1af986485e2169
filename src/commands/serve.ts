// `jot serve`: starts the server, prints its address, and shuts it down on a signal.
//
// A second signal ends the process immediately. But Ctrl-C in a terminal reaches every process of
// the foreground group, and npm then forwards the signal to its child, which has already received
// it. So the same signal within half a second is an echo, and is ignored.

import { setImmediate as turn } from 'node:timers/promises';
import { createApp } from '../app.ts';
import { type Config, logFormatOf } from '../config.ts';
import { JotError } from '../lib/errors.ts';
import { LineOutput } from '../lib/line-output.ts';
import { createLog, type Log } from '../lib/log.ts';
import { keepNextTickQuick } from '../lib/next-tick.ts';
import { VERSION } from '../version.ts';
import {
  type Command,
  configOf,
  damageIn,
  EXIT_FAILURE,
  exitCodeOf,
  isExpected,
  type World,
} from './command.ts';

const ECHO_MS_MAX = 500;
// Maximum wait for a slow reader of the log at the end of a shutdown.
const DRAIN_MS_MAX = 2_000;

export const serve: Command = {
  name: 'serve',
  summary: 'start the server (the default)',
  async run(world) {
    keepNextTickQuick();
    const { settings, writeOut, process, now } = world;
    const output = new LineOutput({
      write: writeOut,
      onResume: () => log.warn('log lines were lost', { since_start: output.linesLost }),
    });
    process.on('exit', output.flush);
    const format = logFormatOf(settings);
    const log = createLog({ format, write: output.add, now });
    const code = await runServer(world, output, log).catch((error) => {
      // A supervisor collects JSON from standard output; a person reads the sentence of `main.ts`.
      if (format !== 'json') throw error;
      const stack = isExpected(error) ? undefined : error.stack;
      log.error('cannot start', { reason: error.message, exit_code: exitCodeOf(error), stack });
      return exitCodeOf(error);
    });
    await output.drain(DRAIN_MS_MAX);
    // Node then joins libuv's threads, so a password hash in progress delays the end by up to a
    // second (`WORK_MAX` in `auth/password.ts`).
    end(world, code);
  },
};

/**
 * Ends the process.
 *
 * @param code Null during a start. One of libuv's threads may then be in a system call that never
 * returns, as on a network file system without its server. `exit` would wait for that thread.
 */
function end({ process }: World, code: number | null): void {
  if (code === null) process.kill(process.pid, 'SIGKILL');
  else process.exit(code);
}

/** Resolves to the exit code; null if the start was given up. */
async function runServer(world: World, output: LineOutput, log: Log): Promise<number | null> {
  configOf(world);
  const app = createApp({
    settings: world.settings,
    writeLog: output.add,
    linesDropped: () => output.linesLost,
  });
  let isStarting = true;
  const endNow = () => end(world, isStarting ? null : EXIT_FAILURE);
  const { isClosing, closed } = closeOnSignals(world, app.close, endNow);
  const started = app
    .listen()
    .catch((error) => {
      // A start that a signal interrupts is not a failure.
      if (isClosing()) return null;
      throw explained(error, app.config);
    })
    .finally(() => {
      isStarting = false;
    });
  const url = await Promise.race([started, closed.then(() => null)]);
  if (url !== null) announce(url, app.config, log, output.add);
  await closed;
  // A start that ended with the close settles within this turn.
  await turn();
  return isStarting ? null : 0;
}

function closeOnSignals(
  { process, stderr, elapsed }: World,
  close: (signal: string) => Promise<void>,
  endNow: () => void,
) {
  let first: { readonly signal: string; readonly atMs: number } | null = null;
  const closed = new Promise<void>((resolve) => {
    const onSignal = (signal: string) => {
      if (first === null) {
        first = { signal, atMs: elapsed() };
        resolve(close(signal));
      } else if (signal !== first.signal || elapsed() - first.atMs >= ECHO_MS_MAX) {
        endNow();
      }
    };
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, onSignal);
    // Node resets SIGHUP to its default action, even under `nohup`. So without a terminal that
    // could be closed, it is ignored here.
    process.on('SIGHUP', (signal) => stderr.isTTY && onSignal(signal));
  });
  return { isClosing: () => first !== null, closed };
}

function announce(
  url: string,
  { logFormat, databaseUrl }: Config,
  log: Log,
  write: (line: string) => void,
): void {
  if (logFormat === 'json') {
    log.info('ready', { url, data: databaseUrl, version: VERSION });
  } else {
    write(`Jot is ready at ${url} (data: ${databaseUrl}). Try: curl ${url}/users\n`);
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
