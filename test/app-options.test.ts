import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { type AppOptions, createApp } from '../src/app.ts';
import { DEFAULT_TIMEOUTS } from '../src/http/server.ts';
import { temporaryFolder } from './support/disk/temporary-folder.ts';
import { START_MS, startServer } from './support/server/server.ts';

/** Options as a program in JavaScript may pass them. */
function untyped(options: object): AppOptions {
  return options;
}

describe('createApp: an option of the wrong type is refused', () => {
  const bytes = 'a number of bytes';
  const time = 'from 0 to 2147483647 milliseconds';
  const rows: readonly (readonly [options: object, problem: string])[] = [
    [{ writeLog: 'stdout' }, "writeLog must be a function; got 'stdout'"],
    [{ writeLog: { write: () => 1 } }, 'writeLog must be a function; got { write: [Function: write] }'],
    [{ linesDropped: 3 }, 'linesDropped must be a function; got 3'],
    [{ backlogBytesMax: '64MiB' }, `backlogBytesMax must be ${bytes}; got '64MiB'`],
    [{ backlogBytesMax: -1 }, `backlogBytesMax must be ${bytes}; got -1`],
    [{ waitingBytesMax: Number.NaN }, `waitingBytesMax must be ${bytes}; got NaN`],
    [{ timeouts: { headersMs: '10s' } }, `timeouts.headersMs must be ${time}; got '10s'`],
    [{ timeouts: { shutdownMs: undefined } }, `timeouts.shutdownMs must be ${time}; got undefined`],
    // Node would wait for 1 ms.
    [{ timeouts: { stallMs: 2 ** 31 } }, `timeouts.stallMs must be ${time}; got 2147483648`],
    [{ settings: null }, 'settings must be an object; got null'],
    [{ settings: 'PORT=0' }, "settings must be an object; got 'PORT=0'"],
  ];
  for (const [options, problem] of rows) {
    it(problem, () => {
      const message = `Cannot create an app: ${problem}`;
      assert.throws(() => createApp(untyped(options)), { name: 'TypeError', message });
    });
  }

  it('while right ones are accepted', () => {
    createApp({
      settings: {},
      writeLog: async () => undefined,
      linesDropped: () => 0,
      backlogBytesMax: 0,
      waitingBytesMax: 0.5,
      timeouts: DEFAULT_TIMEOUTS,
    });
  });
});

describe('createApp: now', () => {
  it('with fractions makes rows in whole milliseconds', async (t) => {
    const path = `${temporaryFolder(t)}/jot.jsonl`;
    const settings = { DATABASE_URL: `file:${path}` };
    const server = await startServer(t, settings, { now: () => START_MS + 0.75 });
    await server.signUp('matt');
    await server.close();
    const times = readFileSync(path, 'utf8').matchAll(/"(?:time|created)":([\d.]+)/g);
    assert.deepEqual(new Set(Array.from(times, ([, time]) => Number(time))), new Set([START_MS]));
  });

  it('defaults to Date.now as it is at each call', async (t) => {
    const lines: string[] = [];
    const app = createApp({ settings: { LOG: 'json' }, writeLog: (line) => lines.push(line) });
    t.mock.timers.enable({ apis: ['Date'], now: START_MS });
    await app.close();
    assert.equal(JSON.parse(lines[0] ?? '').time, new Date(START_MS).toISOString());
  });
});
