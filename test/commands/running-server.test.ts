import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { describe, it } from 'node:test';
import { askServer, reportWhere } from '../../src/commands/running-server.ts';
import { acquireLock } from '../../src/control/lock.ts';
import { integer, object } from '../../src/schema/schema.ts';
import { dataFile } from '../support/disk/data-files.ts';
import { rejects } from '../support/disk/stores.ts';
import { createWorld } from '../support/process/world.ts';

describe('reportWhere', () => {
  const path = 'data/jot.jsonl';
  const whole = resolve(path);
  const rows: readonly [server: string | undefined, kind: string | undefined, report: string][] = [
    ['process 7', undefined, `data file ${whole}; through the server, process 7`],
    [undefined, 'key', `key file ${whole}; no server was running`],
  ];
  for (const [server, kind, report] of rows) {
    it(`writes only to standard error: ${report.replace(whole, path)}`, () => {
      const world = createWorld();
      reportWhere(world, path, server, kind);
      assert.deepEqual(world.output, { stdout: '', stderr: `jot: ${report}\n` });
    });
  }
});

describe('askServer', () => {
  const request = { name: 'count', type: object({ count: integer({ min: 0 }) }) };

  it('returns the declared fields of the response, and null if no server is running', async (t) => {
    const path = dataFile(t, '');
    assert.equal(await askServer(path, request), null);
    const lock = await acquireLock(path);
    t.after(() => lock.release());
    lock.handleWith(async () => '{"count":5,"more":1}');
    const server = `process ${process.pid}`;
    assert.deepEqual(await askServer(path, request), { server, response: { count: 5 } });
  });

  it('throws with the message of a server that rejects the request', async (t) => {
    const path = dataFile(t, '');
    const lock = await acquireLock(path);
    t.after(() => lock.release());
    lock.handleWith(() => Promise.reject(new Error('There is no user "matt"')));
    await rejects(askServer(path, request), 'unavailable', 'There is no user "matt"');
  });

  for (const response of ['', 'done', 'null', '7', '{}', '{"count":"5"}', '{"count":-5}', '{"count":5.5}']) {
    it(`rejects the response ${JSON.stringify(response)}`, async (t) => {
      const path = dataFile(t, '');
      const lock = await acquireLock(path);
      t.after(() => lock.release());
      lock.handleWith(async () => response);
      const problem = 'sent no valid response; it may or may not have changed the data';
      await rejects(
        askServer(path, request),
        'unavailable',
        `The running server, process ${process.pid}, ${problem}`,
      );
    });
  }
});
