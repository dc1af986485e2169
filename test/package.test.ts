// The package from `npm pack`, unpacked in an empty project and imported by its name. It contains
// the command: a script, and the code cache that V8 produced for it. The cache must be used if it
// fits, and must never matter if it does not. Neither the command nor a consumer's bundle may depend
// on the folder they are in.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { after, before, beforeEach, describe, it, type TestContext } from 'node:test';
import { build } from 'esbuild';
import { type Cleanup, temporaryFolder } from './support/disk/temporary-folder.ts';
import { start } from './support/process/command.ts';
import { compilerOptions, program } from './support/process/consumer-program.ts';
import { filesIn } from './support/process/imports.ts';
import { root, run, scratchProject, tsc } from './support/process/scratch-project.ts';

const manifest = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));
const targets: [entry: string, target: string][] = Object.entries(manifest.exports);
const modules = targets.filter(([entry]) => entry !== './package.json');

const DIGEST_BYTES = 32;

// In a separate process, since a coverage run compiles differently.
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

describe('npm pack', () => {
  const cleanups: (() => unknown)[] = [];
  const suite: Cleanup = { after: (done) => cleanups.push(done) };
  after(() => Promise.all(cleanups.map((done) => done())));

  /** A project with nothing in it but the package. */
  let consumer = '';
  let installed = '';
  let project = '';
  before(async () => {
    project = scratchProject(suite);
    consumer = temporaryFolder(suite);
    installed = `${consumer}/node_modules/jot`;
    mkdirSync(installed, { recursive: true });
    const packed = await run('npm', ['pack', '--pack-destination', consumer], project);
    assert.equal(packed.code, 0, packed.stderr);
    const tarball = readdirSync(consumer).find((name) => name.endsWith('.tgz')) ?? '';
    const unpacked = await run('tar', ['-xzf', tarball, '-C', installed, '--strip-components=1'], consumer);
    assert.equal(unpacked.code, 0, unpacked.stderr);
    writeFileSync(`${consumer}/package.json`, '{"type":"module"}');
  });

  describe('the package', () => {
    it('contains a module and its types for every source file, the command, and its documents', () => {
      const sources = filesIn(`${root}src`).filter((path) => path.endsWith('.ts'));
      const built = sources.map((path) => `dist/${path.slice(0, -'.ts'.length)}`);
      const expected = [
        ...built.flatMap((path) => [`${path}.js`, `${path}.d.ts`]),
        'dist/bundle.js',
        'dist/jot.cjs',
      ];
      const files = filesIn(installed);
      const modulesIn = files.filter((path) => /\.[cm]?[jt]s$/.test(path));
      assert.deepEqual(modulesIn, expected.sort());
      const others = files.filter((path) => !modulesIn.includes(path));
      assert.deepEqual(others, ['LICENSE', 'README.md', 'package.json']);
    });

    it('imports only its own files, by their names in the package, and modules of Node', () => {
      const code = filesIn(installed).filter((path) => path.endsWith('.js'));
      for (const path of code) {
        const source = readFileSync(`${installed}/${path}`, 'utf8');
        for (const [, to = ''] of source.matchAll(/\bfrom '([^']+)'/g)) {
          const isThere = to.startsWith('.') && existsSync(new URL(to, `file://${installed}/${path}`));
          assert.ok(to.startsWith('node:') || isThere, `${path} imports ${to}`);
        }
      }
    });

    it('exports the promised modules, and nothing else', () => {
      const promised = [
        '.',
        './jwt',
        './password',
        './token-bucket',
        './ttl-cache',
        './router',
        './schema',
        './store',
      ];
      assert.deepEqual(modules.map(([entry]) => entry).sort(), promised.sort());
    });

    for (const [entry, target] of modules) {
      it(`contains ${target} and its types for ${entry}`, () => {
        assert.ok(existsSync(`${installed}/${target}`));
        assert.ok(existsSync(`${installed}/${target.replace(/\.js$/, '.d.ts')}`));
      });
    }

    it('is usable by its name and its types, with every module', async () => {
      symlinkSync(`${root}node_modules/@types`, `${consumer}/node_modules/@types`);
      writeFileSync(`${consumer}/tsconfig.json`, JSON.stringify({ compilerOptions, files: ['use.ts'] }));
      writeFileSync(`${consumer}/use.ts`, program);
      const compiled = await tsc([], consumer);
      assert.equal(compiled.code, 0, compiled.stdout);

      const { code, stdout, stderr } = await run(process.execPath, ['use.js'], consumer);
      assert.equal(code, 0, stderr);
      assert.deepEqual(JSON.parse(stdout), {
        '.': [200, 'ok', manifest.version, true],
        './jwt': ['k1', 1, true],
        './password': [true, { ok: true, stale: true }, false],
        './token-bucket': [true, { allowed: false, remaining: 0, retryAfterSeconds: 1, resetSeconds: 1 }],
        './ttl-cache': [1, 'gone'],
        './router': [{ value: 'a user', params: { id: '1' } }, { allow: ['GET', 'HEAD', 'OPTIONS'] }, null],
        './schema': ['First', 'not there', { title: 'First' }, 'Not valid: title'],
        './store': [1, 'matt'],
        inside: 'ERR_PACKAGE_PATH_NOT_EXPORTED',
      });
    });

    for (const format of ['esm', 'cjs'] as const) {
      it(`can be bundled by a consumer, as ${format}, and runs in another folder`, async (t) => {
        const contents = `
          import { createApp } from 'jot';
          const app = createApp({ settings: { PORT: 0, DATABASE_URL: 'memory:', LOG: 'off' } });
          app.listen().then(async (url) => {
            console.log(await (await fetch(url + '/healthz')).text());
            await app.close();
          });`;
        const folder = temporaryFolder(t);
        writeFileSync(`${folder}/package.json`, '{"version":"4.7.11"}');
        const outfile = `${folder}/bundled/app.${format === 'esm' ? 'mjs' : 'cjs'}`;
        const stdin = { contents, resolveDir: consumer };
        await build({ stdin, outfile, format, bundle: true, platform: 'node', logLevel: 'silent' });
        const { code, stdout, stderr } = await run(process.execPath, [outfile], folder);
        assert.equal(code, 0, stderr);
        assert.equal(JSON.parse(stdout).version, manifest.version);
      });
    }

    it('installs the command, which runs', async () => {
      const main = `${installed}/${manifest.bin.jot}`;
      assert.match(readFileSync(main, 'utf8'), /^#!\/usr\/bin\/env node\n/);
      const { code, stdout } = await run(process.execPath, [main, 'version'], consumer);
      assert.deepEqual([code, stdout], [0, `${manifest.version}\n`]);
    });

    it('rejects an unknown command', async () => {
      const { code } = await run(process.execPath, [`${installed}/${manifest.bin.jot}`, 'sreve'], consumer);
      assert.equal(code, 2);
    });
  });

  describe('dist/jot.cjs, the built command', () => {
    let dist = '';
    let cachePath = '';
    let bundle = Buffer.alloc(0);
    let cache = Buffer.alloc(0);
    before(() => {
      dist = `${project}/dist`;
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

    const serves = async (t: TestContext, folder: string) => {
      const env = { PORT: '0', DATABASE_URL: 'memory:', LOG: 'json' };
      const command = start(t, [`${folder}/jot.cjs`], { cwd: temporaryFolder(t), env });
      const { url } = JSON.parse(await command.line(/"message":"ready"/));
      assert.deepEqual(await (await fetch(`${url}/users`)).json(), []);
      command.kill('SIGTERM');
      assert.equal((await command.ended).code, 0);
    };

    it('serves requests', (t) => serves(t, dist));

    it('serves requests, and has its version, if dist is copied without the package', async (t) => {
      const copy = `${temporaryFolder(t)}/copy`;
      cpSync(dist, copy, { recursive: true });
      assert.deepEqual(await run(process.execPath, [`${copy}/jot.cjs`, 'version'], copy), works);
      await serves(t, copy);
    });

    it('has a code cache that V8 accepts', async () => {
      assert.equal((await askV8()).isTaken, true);
      assert.deepEqual(await version(), works);
    });

    it('caches functions too, since it ran before the cache was written', async () => {
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
      it(`works without the cache if it is ${what}`, async () => {
        writeFileSync(cachePath, spoil(cache));
        assert.equal((await askV8()).isTaken, false);
        assert.deepEqual(await version(), works);
      });
    }

    it('works if one bit of the cache, or a page of it, is damaged', async () => {
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

    it('works if the cache is missing', async () => {
      rmSync(cachePath);
      assert.deepEqual(await version(), works);
    });

    it('runs the bundle on disk, not another of the same length that the cache was made of', async () => {
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
});

function seal(source: Buffer, code: Buffer): Buffer {
  const digest = createHash('sha256').update(source).update(code).digest();
  return Buffer.concat([digest, code]);
}

function codeIn(sealed: Buffer): Buffer {
  return sealed.subarray(DIGEST_BYTES);
}
