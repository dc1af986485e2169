// Runs the runner of the suite on a few test files. Its output is all that a reader has to find a
// failure.

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import type { Cleanup } from './support/disk/temporary-folder.ts';
import { run, scratchProject } from './support/process/scratch-project.ts';

const LIMIT_MS = 100;
const FILES = {
  'bad.test.ts': `
    import assert from 'node:assert/strict';
    import { before, describe, it } from 'node:test';
    describe('outer', () => {
      it('hangs', () => new Promise(() => undefined));
      it('compares', () => assert.deepEqual({ sum: 3 }, { sum: 4 }));
      it('goes on', () => undefined);
      it('is skipped', { skip: 'no disk' }, () => undefined);
      describe('inner', () => {
        before(() => new Promise(() => undefined));
        it('never begins', () => undefined);
      });
    });`,
  'broken.test.ts': "import './missing.ts';",
  'good.test.ts': `
    import { it } from 'node:test';
    it('passes', (t) => t.diagnostic('seed 7'));`,
};

describe('scripts/test.mjs', () => {
  const cleanups: (() => unknown)[] = [];
  const suite: Cleanup = { after: (done) => cleanups.push(done) };
  after(() => Promise.all(cleanups.map((done) => done())));

  let project = '';
  before(() => {
    project = scratchProject(suite);
    mkdirSync(`${project}/test`);
    for (const [name, source] of Object.entries(FILES)) writeFileSync(`${project}/test/${name}`, source);
  });
  const test = (...parts: string[]) =>
    run('env', [`TEST_TIMEOUT_MS=${LIMIT_MS}`, process.execPath, 'scripts/test.mjs', ...parts], project);

  it('reports a test that hangs, one that throws and a file that cannot be imported, and runs the others', async () => {
    const { code, stdout } = await test();
    assert.equal(code, 1);
    assert.match(stdout, /^✖ outer > hangs\n {2}test\/bad\.test\.ts\n {2}test timed out after 100ms\n/m);
    assert.match(stdout, /^✖ outer > compares\n {2}test\/bad\.test\.ts\n {2}AssertionError/m);
    assert.match(stdout, /^ {2}\+ {3}sum: 3\n {2}- {3}sum: 4\n/m, 'the difference');
    assert.match(stdout, /^ {6}at .*\/test\/bad\.test\.ts:6:/m, 'the stack');
    assert.match(stdout, /^✖ outer > inner\n {2}test\/bad\.test\.ts\n {2}test timed out after 100ms\n/m);
    assert.match(stdout, /^✖ import file:.*\/test\/broken\.test\.ts\n[\s\S]*?missing\.ts/m);
    assert.match(stdout, /^- outer > is skipped: skipped, no disk\n/m);
    assert.match(stdout, /\n2 passed, 5 failed, 1 skipped in \d+ s\n$/);
    assert.doesNotMatch(stdout, /goes on|passes/);
  });

  it('runs the files whose path contains the argument', async () => {
    const { code, stdout } = await test('good');
    assert.equal(code, 0);
    assert.match(stdout, /^# seed 7\n1 passed, 0 failed, 0 skipped in \d+ s\n$/);
  });

  it('lists the files if none has the argument in its path', async () => {
    const { code, stderr } = await test('ugly');
    assert.equal(code, 1);
    assert.match(stderr, /^No test file has ugly in its path:\ntest\/bad\.test\.ts\n/);
  });
});
