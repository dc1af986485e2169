import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { describe, it } from 'node:test';
import { compact } from '../../src/commands/compact.ts';
import { contentsOf, dataFile, traceOf } from '../support/disk/data-files.ts';
import { fillStore } from '../support/disk/exports.ts';
import { linesWithUsers } from '../support/disk/records.ts';
import { openFor, rejects, userNamed } from '../support/disk/stores.ts';
import { temporaryFolder } from '../support/disk/temporary-folder.ts';
import { runCommand, withoutPlace } from '../support/process/world.ts';

function sizes(before: number, after: number): string {
  return `${after.toLocaleString('en-US')} bytes, ${before.toLocaleString('en-US')} before\n`;
}

describe('jot compact', () => {
  it('writes the same rows in fewer bytes to a file not in use, and releases it', async (t) => {
    const folder = temporaryFolder(t);
    const path = `${folder}/jot.jsonl`;
    const store = await openFor(t, `file:${path}`);
    await fillStore(store);
    await store.close();
    const before = await contentsOf(path);
    const { size } = statSync(path);
    const { code, stdout, stderr } = await runCommand(compact, [path]);
    assert.deepEqual([code, stderr], [0, `jot: data file ${path}; no server was running\n`]);
    assert.equal(stdout, `${path}: ${sizes(size, statSync(path).size)}`);
    assert.ok(statSync(path).size < size);
    assert.deepEqual(await contentsOf(path), before);
    assert.deepEqual(readdirSync(folder), ['jot.jsonl']);
  });

  it('asks the process that holds the file', async (t) => {
    const path = `${temporaryFolder(t)}/jot.jsonl`;
    const store = await openFor(t, `file:${path}`);
    await fillStore(store);
    const { size } = statSync(path);
    const settings = { DATABASE_URL: `file:${path}` };
    const { code, stdout, stderr } = await runCommand(compact, [], { settings });
    assert.deepEqual([code, stdout], [0, `${path}: ${sizes(size, statSync(path).size)}`]);
    assert.equal(stderr, `jot: data file ${path}; through the server, process ${process.pid}\n`);
    assert.equal((await store.users.create(userNamed('new'))).id, 5, 'which goes on');
    await store.close();
    assert.equal((await contentsOf(path)).rows.users.length, 4);
  });

  it('accepts any spelling of the path', async (t) => {
    const path = dataFile(t, linesWithUsers('matt').join(''));
    const { code } = await runCommand(compact, [`/${path}`]);
    assert.equal(code, 0);
  });

  it('reports where it set aside an unfinished end', async (t) => {
    const path = dataFile(t, linesWithUsers('matt', 'elie').join('').slice(0, -1));
    const { code, stderr } = await runCommand(compact, [path]);
    assert.equal(code, 0);
    const [aside = ''] = readdirSync(path.replace('/jot.jsonl', '')).filter((name) => name.includes('torn'));
    assert.match(
      withoutPlace(stderr),
      /^\S+ warn the last change in the data file was not finished and is set aside [^\n]+\n$/,
    );
    assert.ok(aside !== '' && stderr.includes(aside), stderr);
  });

  it('creates no file if none exists', async (t) => {
    const folder = temporaryFolder(t);
    const path = `${folder}/jot.jsonl`;
    const message = `There is no data file ${path}; a start of the server makes the one that DATABASE_URL names`;
    await rejects(runCommand(compact, [path]), 'unavailable', message);
    assert.deepEqual(readdirSync(folder), []);
  });

  it('rejects a folder, a damaged file and a file in another format, and leaves them', async (t) => {
    const folder = temporaryFolder(t);
    mkdirSync(`${folder}/folder`);
    await rejects(runCommand(compact, [`${folder}/folder`]), 'unavailable');
    const [header = '', first = '', second = ''] = linesWithUsers('matt', 'elie');
    for (const content of [header + first.replace('matt', 'Matt') + second, 'Dear diary,\n']) {
      const path = dataFile(t, content);
      const before = traceOf(path);
      await rejects(runCommand(compact, [path]), 'unavailable');
      assert.equal(readFileSync(path, 'utf8'), before.content);
      assert.deepEqual(traceOf(path), before);
    }
  });
});
