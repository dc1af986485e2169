// The files of a server, with modes that a copy may leave.

import assert from 'node:assert/strict';
import { chmodSync, mkdirSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { createApp } from '../../src/app.ts';
import { temporaryFolder } from '../support/disk/temporary-folder.ts';

const FILE = 'other users can access a file with secrets; run `chmod 600` on it';
const FOLDER = 'other users can replace the files in a folder; run `chmod o-w` on it';

type Warning = [message: string, name: string, mode: string];

interface Modes {
  readonly folder?: number;
  readonly data?: number;
  readonly keys?: number;
}

/** Starts a server on files with these modes; resolves to its warnings of their modes. */
async function warningsOf(t: TestContext, { folder = 0o700, data = 0o600, keys = 0o600 }: Modes) {
  const place = `${temporaryFolder(t)}/data`;
  mkdirSync(place);
  const settings = { DATABASE_URL: `file:${place}/jot.jsonl`, LOG: 'json' };
  const first = createApp({ settings, writeLog: () => undefined });
  await first.open();
  await first.close();
  chmodSync(`${place}/jot.jsonl`, data);
  chmodSync(`${place}/jot.keys.json`, keys);
  chmodSync(place, folder);
  const warnings: Warning[] = [];
  const writeLog = (line: string) => {
    const { message, path, mode } = JSON.parse(line);
    if (mode !== undefined) warnings.push([message, path.slice(place.length), mode]);
  };
  const app = createApp({ settings, writeLog });
  await app.open();
  await app.close();
  return warnings;
}

describe('warnOfExposure, at the start of a server', () => {
  it('is silent about files and a folder with the modes that Jot creates', async (t) => {
    assert.deepEqual(await warningsOf(t, {}), []);
  });

  for (const mode of [0o640, 0o604, 0o620, 0o602, 0o644]) {
    const text = `0${mode.toString(8)}`;
    it(`names a data file or a key file with mode ${text}`, async (t) => {
      assert.deepEqual(await warningsOf(t, { data: mode }), [[FILE, '/jot.jsonl', text]]);
      assert.deepEqual(await warningsOf(t, { keys: mode }), [[FILE, '/jot.keys.json', text]]);
    });
  }

  it('names a folder that others can write to, unless they cannot replace files in it', async (t) => {
    assert.deepEqual(await warningsOf(t, { folder: 0o777 }), [[FOLDER, '', '0777']]);
    for (const folder of [0o755, 0o775, 0o1777]) assert.deepEqual(await warningsOf(t, { folder }), []);
  });

  it('looks for no key file if a setting has the keys, and for no file if the store is in memory', async (t) => {
    const folder = temporaryFolder(t);
    const secret = { JWT_SECRET_KEY: 'x'.repeat(32) };
    for (const settings of [
      { ...secret, DATABASE_URL: `file:${folder}/jot.jsonl` },
      { DATABASE_URL: 'memory:' },
    ]) {
      const app = createApp({ settings: { ...settings, LOG: 'off' } });
      await app.open();
      await app.close();
    }
  });
});
