// A terminal to type at: a pseudo-terminal with a shell in it, made by util-linux's `script` or by Python's `pty`. Everything
// that it shows is here, as a person would see it.

import { spawn, spawnSync } from 'node:child_process';
import type { Cleanup } from '../disk/temporary-folder.ts';
import { program as jot } from './command.ts';

const PYTHON = 'import pty, sys; pty.spawn(["sh", "-c", sys.argv[1]])';

const hasScript = String(spawnSync('script', ['--version']).stdout).includes('util-linux');
const hasPython = spawnSync('python3', ['-c', 'import pty']).status === 0;

/** Why there is no terminal on this machine; false where there is one. */
export const noTerminal = hasScript || hasPython ? false : 'neither util-linux nor Python is here';

export interface TestTerminal {
  /** All that was shown so far. */
  readonly shown: () => string;
  /** Waits until it shows this. Rejects when the shell has ended without. */
  until(pattern: RegExp): Promise<RegExpExecArray>;
  type(keys: string): void;
  /** When the shell has ended. */
  readonly ended: Promise<void>;
}

/** Starts a shell script at a terminal; `$JOT` in it is the command. */
export function atTerminal(t: Cleanup, script: string, env: Readonly<Record<string, string>>): TestTerminal {
  const [program = '', ...args] = hasScript
    ? ['script', '-qfc', script, '/dev/null']
    : ['python3', '-c', PYTHON, script];
  const JOT = [process.execPath, ...jot].join(' ');
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(program, args, { env: { PATH, HOME, SHELL: '/bin/sh', TERM: 'xterm', JOT, ...env } });
  let text = '';
  const watchers = new Set<() => void>();
  const look = () => {
    for (const watcher of watchers) watcher();
  };
  child.stdin.on('error', () => child.stdin.destroy());
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (piece) => {
      text += piece;
      look();
    });
  }
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => resolve());
  });
  t.after(() => {
    child.kill('SIGKILL');
    return ended;
  });
  return {
    shown: () => text,
    until: (pattern) =>
      new Promise((resolve, reject) => {
        const watcher = () => {
          const found = pattern.exec(text);
          if (found === null) return;
          watchers.delete(watcher);
          resolve(found);
        };
        watchers.add(watcher);
        watcher();
        ended.then(() => reject(new Error(`It never showed ${pattern}: ${JSON.stringify(text)}`)), reject);
      }),
    type: (keys) => void child.stdin.write(keys),
    ended,
  };
}
