// Makes one call of `node:fs/promises` fail; all others do their work. So a test can fail each step
// of an algorithm in turn without knowing the steps.

import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import type { Cleanup } from './temporary-folder.ts';

const NAMES = ['lstat', 'open', 'readFile', 'realpath', 'rename', 'rm', 'stat'] as const;

type Call = (...args: unknown[]) => Promise<unknown>;

export class FailingCalls {
  /** Number of calls since `failAt`. */
  count = 0;
  #failing = -1;
  readonly #error: Error;

  /** @param error Thrown by the failing call. */
  constructor(t: Cleanup, error: Error) {
    this.#error = error;
    const real = NAMES.map((name) => [name, fs[name]] as const);
    for (const [name, call] of real) Reflect.set(fs, name, this.#counted(name, call as Call));
    syncBuiltinESMExports();
    t.after(() => {
      for (const [name, call] of real) Reflect.set(fs, name, call);
      syncBuiltinESMExports();
    });
  }

  /** @param number Number of the call that fails, counted from 0 and from now; -1 for none. */
  failAt(number: number): void {
    this.count = 0;
    this.#failing = number;
  }

  #counted(name: string, call: Call): Call {
    return async (...args) => {
      const isFailing = this.count++ === this.#failing;
      // A file is closed even if `close` fails, as on Linux.
      if (isFailing && name !== 'close') throw this.#error;
      const result = await call(...args);
      if (isFailing) throw this.#error;
      return name === 'open' ? this.#handle(result as fs.FileHandle) : result;
    };
  }

  #handle(handle: fs.FileHandle): fs.FileHandle {
    return new Proxy(handle, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name);
        return typeof member === 'function' ? this.#counted(String(name), member.bind(target)) : member;
      },
    });
  }
}
