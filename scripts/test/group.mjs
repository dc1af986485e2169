// Runs several test files in one process, since starting a process per file takes longer than most
// files take to run. A test that hangs must fail alone, but before Node 24 `--test-timeout` limits
// the whole process. So this file sets the limit of each test and hook when it begins; suites and
// processes have no limit.

import { createHook } from 'node:async_hooks';
import { after, describe, test } from 'node:test';

const EXIT_MS_MAX = 60_000;

/** Imports the files in order. A file that cannot be imported becomes a failing test. */
export async function runFiles(urls, timeoutMs) {
  limitTests(timeoutMs);
  // On Node 20, a promise that never settles ends the process and all further tests, unless
  // something else keeps the event loop running.
  const open = setInterval(() => undefined, timeoutMs);
  after(() => {
    clearInterval(open);
    setTimeout(exit, EXIT_MS_MAX).unref();
  });
  // Node calls this hook as soon as no test is left, even between two imports. So this suite stays
  // pending until the last import.
  let finish;
  const imported = new Promise((resolve) => {
    finish = resolve;
  });
  describe('the imports of a group of files', () => imported);
  for (const url of urls) {
    await import(url).catch((error) => {
      test(`import ${url}`, () => {
        throw error;
      });
    });
  }
  finish();
}

// Node offers no way to its class `Test` but the asynchronous resource that each test is.
function limitTests(timeoutMs) {
  const hook = createHook({
    init(_id, type, _triggerId, resource) {
      if (type !== 'Test') return;
      hook.disable();
      const { prototype } = resource.constructor;
      const { run } = prototype;
      prototype.run = function (...args) {
        this.timeout ??= timeoutMs;
        return run.apply(this, args);
      };
    },
  }).enable();
}

function exit() {
  process.stderr.write(`Still open after all tests: ${process.getActiveResourcesInfo().join(', ')}\n`);
  process.exit(1);
}
