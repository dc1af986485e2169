// The key file on a failing disk, after a killed command, behind a link, and after it was lost. Two
// states are allowed: the old keys or the new ones, in the file and in the running server alike.

import assert from 'node:assert/strict';
import {
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { openKeyFile, retireKey, rotateKeyFile } from '../../src/auth/key-file.ts';
import { retireKeys, rotateKeys } from '../../src/commands/keys.ts';
import { FailingCalls } from '../support/disk/failing-calls.ts';
import { systemError } from '../support/disk/faulty-file-system.ts';
import { rejects } from '../support/disk/stores.ts';
import { temporaryFolder } from '../support/disk/temporary-folder.ts';
import { runCommand } from '../support/process/world.ts';
import { createPerson } from '../support/server/person.ts';
import { START_MS, startServer } from '../support/server/server.ts';

const now = () => START_MS;

function kidsIn(path: string): string[] {
  return JSON.parse(readFileSync(path, 'utf8')).keys.map(({ kid }: { kid: string }) => kid);
}

/** Creates a key file with two keys in a folder of its own. */
async function twoKeys(t: TestContext): Promise<string> {
  const path = `${temporaryFolder(t)}/jot.keys.json`;
  await openKeyFile(path, now);
  await rotateKeyFile(path, now);
  return path;
}

describe('A failing call of the file system', () => {
  const actions: [name: string, act: (path: string) => Promise<unknown>, kidsAfter: number][] = [
    ['openKeyFile', (path) => openKeyFile(path, now), 1],
    ['rotateKeyFile', (path) => rotateKeyFile(path, now), 3],
    ['retireKey', (path) => retireKey(path, kidsIn(path)[1] ?? ''), 1],
  ];
  for (const [name, act, kidsAfter] of actions) {
    it(`in ${name}: leaves the old file or the new one, for each call in turn`, async (t) => {
      const calls = new FailingCalls(t, systemError('EIO'));
      for (let number = 0; number <= calls.count; number++) {
        calls.failAt(-1);
        const path = await twoKeys(t);
        if (name === 'openKeyFile') rmSync(path);
        const kids = existsSync(path) ? kidsIn(path) : null;
        calls.failAt(number);
        const error = await act(path).then(
          () => null,
          (reason) => reason,
        );
        if (number === calls.count) return assert.equal(error, null);
        const { count } = calls;
        calls.failAt(-1);
        assert.equal(error?.message, `Cannot use the key file ${path}: EIO: i/o error`, `call ${number}`);
        const left = existsSync(path) ? kidsIn(path) : null;
        assert.ok(left?.length === kidsAfter || String(left) === String(kids), `call ${number}: ${left}`);

        const opened = (await openKeyFile(path, now)).map(({ kid }) => kid);
        if (left !== null) assert.deepEqual(opened, left);
        assert.deepEqual(readdirSync(dirname(path)), ['jot.keys.json']);
        calls.count = count;
      }
      assert.fail('no run without a failure');
    });
  }

  it('in `jot keys retire`: leaves file and server with the same keys, at the latest once it is repeated', async (t) => {
    const calls = new FailingCalls(t, systemError('EIO'));
    let failures = 0;
    for (let number = 0, isDone = false; !isDone; number++) {
      calls.failAt(-1);
      const folder = temporaryFolder(t);
      const settings = { DATABASE_URL: `file:${folder}/jot.jsonl` };
      const server = await startServer(t, settings);
      const { call, path } = await createPerson(server, 'matt');
      await runCommand(rotateKeys, [], { settings });
      const kid = kidsIn(`${folder}/jot.keys.json`)[1] ?? '';
      const retire = () =>
        runCommand(retireKeys, [kid], { settings }).then(
          () => '',
          ({ message }: Error) => message,
        );
      calls.failAt(number);
      const problem = await retire();
      isDone = number >= calls.count;
      calls.failAt(-1);
      if (isDone) assert.equal(problem, '');
      else if (problem !== '') failures++;
      if (/^The running server does not use the keys of the file: /.test(problem)) await retire();
      const isRetired = !kidsIn(`${folder}/jot.keys.json`).includes(kid);
      assert.equal((await call('GET', path)).status, isRetired ? 401 : 200, `call ${number}: ${problem}`);
      await server.close();
    }
    assert.ok(failures > 10, `${failures} failures`);
  });
});

describe('A key file that a killed command left unfinished', () => {
  for (const [name, act] of [
    ['openKeyFile', (path: string) => openKeyFile(path, now)],
    ['rotateKeyFile', (path: string) => rotateKeyFile(path, now)],
  ] as const) {
    it(`is removed by ${name}, also next to the target of a link`, async (t) => {
      const path = await twoKeys(t);
      const link = `${temporaryFolder(t)}/link.keys.json`;
      symlinkSync(path, link);
      for (const either of [path, link]) {
        writeFileSync(`${path}.new`, readFileSync(path));
        await act(either);
        assert.deepEqual(readdirSync(dirname(path)), ['jot.keys.json']);
      }
    });
  }
});

describe('A key file behind a link', () => {
  it('is changed, and the link stays', async (t) => {
    const path = await twoKeys(t);
    const link = `${temporaryFolder(t)}/link.keys.json`;
    symlinkSync(path, link);
    await rotateKeyFile(link, now);
    await retireKey(link, kidsIn(path)[2] ?? '');
    assert.equal(lstatSync(link).isSymbolicLink(), true);
    assert.equal(kidsIn(path).length, 2);
    assert.deepEqual(
      (await openKeyFile(link, now)).map(({ kid }) => kid),
      kidsIn(path),
    );
  });

  it('is not created if the link is dangling: openKeyFile and a start reject', async (t) => {
    const folder = temporaryFolder(t);
    const path = `${folder}/jot.keys.json`;
    symlinkSync('elsewhere.json', path);
    const message = `Cannot use the key file ${path}: ${path} is a link to a missing file`;
    await rejects(openKeyFile(path, now), 'unavailable', message);
    await rejects(startServer(t, { DATABASE_URL: `file:${folder}/jot.jsonl` }), 'unavailable', message);
    assert.equal(lstatSync(path).isSymbolicLink(), true);
    assert.equal(existsSync(`${folder}/elsewhere.json`), false);
  });
});

describe('A start without the key file', () => {
  async function warningsOf(t: TestContext, withSession: boolean) {
    const folder = temporaryFolder(t);
    const settings = { DATABASE_URL: `file:${folder}/jot.jsonl` };
    const before = await startServer(t, settings);
    const { access } = withSession ? await createPerson(before, 'matt') : { access: '' };
    await before.close();
    const keys = readFileSync(`${folder}/jot.keys.json`);
    rmSync(`${folder}/jot.keys.json`);
    const after = await startServer(t, settings);
    const { status } = await after.call('GET', '/auth', { token: access });
    await after.close();
    writeFileSync(`${folder}/jot.keys.json`, keys);
    const restored = await startServer(t, settings);
    const { status: statusRestored } = await restored.call('GET', '/auth', { token: access });
    await restored.close();
    const warnings = after.log.map((line) => JSON.parse(line)).filter(({ level }) => level === 'warn');
    return {
      folder,
      status,
      statusRestored,
      warnings: warnings.map(({ message, file, sessions }) => ({ message, file, sessions })),
    };
  }

  it('warns that tokens of existing sessions are invalid, and names the file; putting it back helps', async (t) => {
    const { folder, status, statusRestored, warnings } = await warningsOf(t, true);
    const message = 'the key file was missing, so the tokens of all sessions are invalid';
    assert.deepEqual(warnings, [{ message, file: `${folder}/jot.keys.json`, sessions: 1 }]);
    assert.deepEqual([status, statusRestored], [401, 200]);
  });

  it('does not warn if there is no session', async (t) => {
    assert.deepEqual((await warningsOf(t, false)).warnings, []);
  });
});
