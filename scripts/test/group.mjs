// Runs several test files in one process, as starting one for each takes longer than most of them take to run. A test
// that hangs must fail alone, but `--test-timeout` is the limit of a whole process before Node 24. So the limit is set
// here, in each test and hook as it begins: suites and processes have none.

import { createHook } from 'node:async_hooks';
import { after, describe, test } from 'node:test';

const EXIT_MS_MAX = 60_000;

/** Imports the files in order. A file that cannot be imported is a test that fails. */
export async function runFiles(urls, timeoutMs) {
  limitTests(timeoutMs);
  // A promise that nothing settles ends the process of Node 20 and its other tests with it, unless something is open.
  const open = setInterval(() => undefined, timeoutMs);
  after(() => {
    clearInterval(open);
    setTimeout(exit, EXIT_MS_MAX).unref();
  });
  // Node calls that hook as soon as no test is left, also between two imports. This suite is left until the last one.
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
