// The command as it is built: one script and the code that V8 has made of it, which must be taken where it fits and never matter
// where it does not.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { after, before, beforeEach, describe, it } from 'node:test';
import { type Cleanup, temporaryFolder } from './support/disk/temporary-folder.ts';
import { start } from './support/process/command.ts';
import { builtProject, root, run } from './support/process/scratch-project.ts';

const DIGEST_BYTES = 32;
const manifest = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));

// In a process of its own, since a coverage run compiles differently.
const ASK_V8 = `
  const { readFileSync } = require('node:fs');
  const { Script } = require('node:vm');
  const [source, sealed] = process.argv.slice(1).map((path) => readFileSync(path));
  const cache = sealed.subarray(${DIGEST_BYTES});
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
  let bundle = Buffer.alloc(0);
  let cache = Buffer.alloc(0);
  before(async () => {
    dist = await builtProject(suite);
    const [name, ...others] = readdirSync(dist).filter((each) => each.endsWith('.cache'));
    assert.deepEqual([name, others], [`bundle.${process.version}-${process.arch}.cache`, []]);
    cachePath = `${dist}/${name}`;
    cache = readFileSync(cachePath);
    bundle = readFileSync(`${dist}/bundle.js`);
  });
  beforeEach(() => {
    writeFileSync(`${dist}/bundle.js`, bundle);
    writeFileSync(cachePath, cache);
  });

  const help = () => run(process.execPath, [`${dist}/jot.cjs`, 'help'], dist);
  const version = () => run(process.execPath, [`${dist}/jot.cjs`, 'version'], dist);
  const askV8 = async () => {
    const { stdout } = await run(process.execPath, ['-e', ASK_V8, `${dist}/bundle.js`, cachePath], dist);
    return JSON.parse(stdout);
  };
  const works = { code: 0, stdout: `${manifest.version}\n`, stderr: '' };

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
    ['of another version of V8', (bytes) => seal(bundle, Buffer.from(codeIn(bytes)).fill(0, 4, 8))],
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

  it('works all the same when one bit of the code, or a page of it, is another', async () => {
    for (const spoil of [
      (bytes: Buffer) => bytes.writeUInt8(bytes.readUInt8(bytes.length >> 1) ^ 1, bytes.length >> 1),
      (bytes: Buffer) => bytes.fill(0, bytes.length >> 1, (bytes.length >> 1) + 4096),
    ]) {
      const damaged = Buffer.from(cache);
      spoil(damaged);
      writeFileSync(cachePath, damaged);
      assert.deepEqual(await version(), works);
    }
  });

  it('works all the same without it', async () => {
    rmSync(cachePath);
    assert.deepEqual(await version(), works);
  });

  it('is the bundle that is there, not one of the same length that the code was made of', async () => {
    const changed = Buffer.from(
      bundle.toString('latin1').replace('list the commands', 'LIST THE COMMANDS'),
      'latin1',
    );
    writeFileSync(`${dist}/bundle.js`, changed);
    assert.match((await help()).stdout, /LIST THE COMMANDS/);
    // V8 itself would not notice; which shows, too, that the code is used.
    writeFileSync(cachePath, seal(changed, codeIn(cache)));
    assert.match((await help()).stdout, /list the commands/);
  });
});

function seal(source: Buffer, code: Buffer): Buffer {
  const digest = createHash('sha256').update(source).update(code).digest();
  return Buffer.concat([digest, code]);
}

function codeIn(sealed: Buffer): Buffer {
  return sealed.subarray(DIGEST_BYTES);
}
