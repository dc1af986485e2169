import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { describe, it } from 'node:test';
import { reportWhere, type Worked } from '../../src/commands/running-server.ts';
import { createWorld } from '../support/process/world.ts';

describe('reportWhere', () => {
  const path = 'data/jot.jsonl';
  const whole = resolve(path);
  const set = { DATABASE_URL: 'file:data/jot.jsonl' };
  const rows: readonly [worked: Worked, settings: Record<string, string>, told: string][] = [
    [{ kind: 'data', path, server: 'process 7' }, set, `data file ${whole}; through the server, process 7`],
    [{ kind: 'key', path, server: null }, {}, `key file ${whole}; no server was running`],
    [
      { kind: 'data', path, server: null, isNew: true },
      set,
      `data file ${whole} was made, since there was none; no server was running`,
    ],
    [
      { kind: 'data', path, server: null, isNew: true },
      { DATABASE_URL: ' ' },
      `data file ${whole} was made, since there was none and DATABASE_URL is not set; no server was running`,
    ],
  ];
  for (const [worked, settings, told] of rows) {
    it(`says on standard error alone: ${told.replace(whole, path)}`, () => {
      const world = createWorld({ settings });
      reportWhere(world, worked);
      assert.deepEqual(world.output, { stdout: '', stderr: `jot: ${told}\n` });
    });
  }
});
