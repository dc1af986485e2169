import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { type FileSystem, realFileSystem } from '../../../src/store/file/file-system.ts';
import { setAside } from '../../../src/store/file/set-aside.ts';
import { dataFile } from '../../support/disk/data-files.ts';
import { faultyFileSystem, systemError } from '../../support/disk/faulty-file-system.ts';
import { rejects } from '../../support/disk/stores.ts';

const CONTENT = 'one\ntwo\nthr';

async function partOf(t: TestContext, start: number) {
  const path = dataFile(t, CONTENT);
  const file = await realFileSystem.open(path, 'read');
  t.after(() => file.close());
  return {
    part: { file, path, start },
    aside: `${path}.torn`,
    names: () => readdirSync(dirname(path)).sort(),
  };
}

describe('setAside', () => {
  for (const [start, reason] of [
    [0, 'the whole file'],
    [8, 'its end'],
    [CONTENT.length, 'nothing'],
  ] as const) {
    it(`copies ${reason}`, async (t) => {
      const { part, aside, names } = await partOf(t, start);
      assert.equal(await setAside(realFileSystem, part, aside), aside);
      assert.equal(readFileSync(aside, 'utf8'), CONTENT.slice(start));
      assert.equal((statSync(aside).mode & 0o777).toString(8), '600');
      assert.deepEqual(names(), ['jot.jsonl', 'jot.jsonl.torn']);
    });
  }

  it('publishes the file under its name only when all of it is on the disk, so a kill leaves no half of it', async (t) => {
    const { part, aside } = await partOf(t, 0);
    const seen: [call: string, isThere: boolean][] = [];
    // Before the call, since another thread may be done with it at once.
    const note = <T>(call: string, make: () => T) => {
      seen.push([call, existsSync(aside)]);
      return make();
    };
    const fileSystem: FileSystem = {
      ...faultyFileSystem({
        writeAsync: (file, bytes, position) => note('write', () => file.writeAsync(bytes, position)),
        sync: (file) => note('sync', () => file.sync()),
      }),
      rename: (from, to) => note('rename', () => realFileSystem.rename(from, to)),
    };
    await setAside(fileSystem, part, aside);
    assert.deepEqual(seen, [
      ['write', false],
      ['sync', false],
      ['rename', false],
    ]);
  });

  it('overwrites an unfinished file that a kill left', async (t) => {
    const { part, aside, names } = await partOf(t, 0);
    writeFileSync(`${dirname(part.path)}/.jot.jsonl.aside`, 'on');
    await setAside(realFileSystem, part, aside);
    assert.deepEqual(names(), ['jot.jsonl', 'jot.jsonl.torn']);
    assert.equal(readFileSync(aside, 'utf8'), CONTENT);
  });

  it('leaves nothing when it fails', async (t) => {
    const { part, aside, names } = await partOf(t, 0);
    const fails = () => Promise.reject(systemError('EIO'));
    for (const fileSystem of [
      faultyFileSystem({ writeAsync: fails }),
      faultyFileSystem({ sync: fails }),
      { ...realFileSystem, rename: fails },
    ]) {
      await assert.rejects(setAside(fileSystem, part, aside), { code: 'EIO' });
      assert.deepEqual(names(), ['jot.jsonl']);
    }
  });

  it('overwrites no other file', async (t) => {
    const { part, aside, names } = await partOf(t, 0);
    writeFileSync(aside, 'kept');
    await rejects(setAside(realFileSystem, part, aside), 'unavailable', `${aside} is there already`);
    assert.equal(readFileSync(aside, 'utf8'), 'kept');
    assert.deepEqual(names(), ['jot.jsonl', 'jot.jsonl.torn']);
  });
});
