// The `jot` command as a process of its own, with nothing of this one's environment but what it takes to start.

import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Cleanup } from '../disk/temporary-folder.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const { JOT_PROGRAM } = process.env;

/** Arguments of Node that run the `jot` command: the program built for this run of the suite, or else its source. */
export const program: readonly string[] =
  JOT_PROGRAM === undefined ? [`${root}scripts/run.mjs`, 'src/main.ts'] : [JOT_PROGRAM];

/** Arguments of Node with which it runs TypeScript. */
export const typescript: readonly string[] =
  'typescript' in process.features && process.features.typescript ? [] : ['--import', 'tsx'];

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Command {
  readonly pid: number;
  readonly stdin: NonNullable<ChildProcess['stdin']>;
  /** The first line that came or will come out on standard output and matches. Rejects when the command ends without. */
  line(pattern: RegExp): Promise<string>;
  /** Stops reading what it writes. */
  stopReading(): void;
  /** Leaves what it writes in the pipe, or reads it again. */
  pauseReading(isPaused: boolean): void;
  kill(signal: NodeJS.Signals): void;
  /** What became of it, once it has ended and everything it wrote is here. */
  readonly ended: Promise<Ended>;
}

export interface CommandOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Default: the project's folder. */
  readonly cwd?: string;
  /** Maximum number of open files, set by `ulimit -n`. */
  readonly descriptorsMax?: number;
  /** The beginning of a command line that runs the rest of it, such as `nice`. */
  readonly wrapper?: readonly string[];
}

/** Runs a program that this project's folder has; it is ended with the test. */
export function start(t: Cleanup, args: readonly string[], options: CommandOptions = {}): Command {
  const { env = {}, cwd = root, descriptorsMax, wrapper = [] } = options;
  const limited = ['sh', '-c', `ulimit -n ${descriptorsMax}; exec "$0" "$@"`];
  const limit = descriptorsMax === undefined ? [] : limited;
  const [file = '', ...rest] = [...limit, ...wrapper, process.execPath, ...args];
  const child = spawn(file, rest, { cwd, env: { ...inherited(), ...env } });
  const output = { stdout: '', stderr: '' };
  const watchers = new Set<() => void>();
  const onOutput = () => {
    for (const look of watchers) look();
  };
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      onOutput();
      resolve({ code, signal, ...output });
    });
  });
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text) => {
      output[name] += text;
      onOutput();
    });
  }
  t.after(() => {
    child.kill('SIGKILL');
    return ended;
  });

  return {
    pid: child.pid ?? 0,
    stdin: child.stdin,
    line: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const lines = output.stdout.split('\n').slice(0, -1);
          const found = lines.find((line) => pattern.test(line));
          if (found === undefined) return;
          watchers.delete(look);
          resolve(found);
        };
        watchers.add(look);
        look();
        ended.then(
          () => reject(new Error(`It ended without such a line: ${JSON.stringify(output)}`)),
          reject,
        );
      }),
    stopReading: () => void child.stdout.destroy(),
    pauseReading: (isPaused) => void (isPaused ? child.stdout.pause() : child.stdout.resume()),
    kill: (signal) => void child.kill(signal),
    ended,
  };
}

/** Runs the `jot` command. */
export function jot(t: Cleanup, args: readonly string[], options: CommandOptions = {}): Command {
  return start(t, [...program, ...args], options);
}

export interface Served {
  readonly command: Command;
  readonly url: string;
  readonly port: number;
}

/** Starts a server and waits until it says that it is ready. */
export async function serve(t: Cleanup, options: CommandOptions): Promise<Served> {
  const command = jot(t, [], options);
  const line = await command.line(/^Jot is ready at |"message":"ready"/);
  const url = /http:\/\/[^\s"]+/.exec(line)?.[0] ?? '';
  return { command, url, port: Number(new URL(url).port) };
}

function inherited(): Record<string, string> {
  const names = ['PATH', 'HOME', 'NODE_V8_COVERAGE'];
  return Object.fromEntries(names.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
}
