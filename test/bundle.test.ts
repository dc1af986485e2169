// The command as it is built: one script and the code that V8 has made of it, which must be taken where it fits and never matter
// where it does not.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { after, before, beforeEach, describe, it } from 'node:test';
import { start } from './support/command.ts';
import { run, scratchProject } from './support/scratch-project.ts';
import { type Cleanup, temporaryFolder } from './support/temporary-folder.ts';

// In a process of its own, since a coverage run compiles differently.
const ASK_V8 = `
  const { readFileSync } = require('node:fs');
  const { Script } = require('node:vm');
  const [source, cache] = process.argv.slice(1).map((path) => readFileSync(path));
  const text = source.toString('latin1');
  const { cachedDataRejected } = new Script(text, { cachedData: cache });
  const bytesUnused = new Script(text, { filename: 'unused' }).createCachedData().length;
  console.log(JSON.stringify({ isTaken: !cachedDataRejected, bytesUnused }));
`;

describe('the built command', () => {
  const cleanups: (() => unknown)[] = [];
  const suite: Cleanup = { after: (done) => cleanups.push(done) };
  after(() => Promise.all(cleanups.map((done) => done())));

  let dist = '';
  let cachePath = '';
  let cache = Buffer.alloc(0);
  before(async () => {
    const project = scratchProject(suite);
    dist = `${project}/dist`;
    const { code, stderr } = await run('npm', ['run', 'build'], project);
    assert.equal(code, 0, stderr);
    const [name, ...others] = readdirSync(dist).filter((each) => each.endsWith('.cache'));
    assert.deepEqual([name, others], [`bundle.${process.version}-${process.arch}.cache`, []]);
    cachePath = `${dist}/${name}`;
    cache = readFileSync(cachePath);
  });
  beforeEach(() => writeFileSync(cachePath, cache));

  const version = () => run(process.execPath, [`${dist}/jot.cjs`, 'version'], dist);
  const askV8 = async () => {
    const { stdout } = await run(process.execPath, ['-e', ASK_V8, `${dist}/bundle.js`, cachePath], dist);
    return JSON.parse(stdout);
  };
  const works = { code: 0, stdout: '0.1.0\n', stderr: '' };

  it('serves', async (t) => {
    const env = { PORT: '0', DATABASE_URL: 'memory:', LOG: 'json' };
    const command = start(t, [`${dist}/jot.cjs`], { cwd: temporaryFolder(t), env });
    const { url } = JSON.parse(await command.line(/"message":"ready"/));
    assert.deepEqual(await (await fetch(`${url}/users`)).json(), []);
    command.kill('SIGTERM');
    assert.equal((await command.ended).code, 0);
  });

  it('comes with code that V8 takes', async () => {
    assert.equal((await askV8()).isTaken, true);
    assert.deepEqual(await version(), works);
  });

  it('has been used before that code was kept, so that functions are in it too', async () => {
    const { bytesUnused } = await askV8();
    assert.ok(cache.length > 1.5 * bytesUnused, `${cache.length} bytes, of an unused one ${bytesUnused}`);
  });

  const foreign: readonly [what: string, spoil: (bytes: Buffer) => Buffer][] = [
    ['of another version of V8', (bytes) => Buffer.from(bytes).fill(0, 4, 8)],
    ['cut short', (bytes) => bytes.subarray(0, bytes.length / 2)],
    ['empty', () => Buffer.alloc(0)],
    ['something else', () => Buffer.from('[]\n')],
  ];
  for (const [what, spoil] of foreign) {
    it(`works all the same when the code is ${what}`, async () => {
      writeFileSync(cachePath, spoil(cache));
      assert.equal((await askV8()).isTaken, false);
      assert.deepEqual(await version(), works);
    });
  }

  it('works all the same without it', async () => {
    rmSync(cachePath);
    assert.deepEqual(await version(), works);
  });
});
