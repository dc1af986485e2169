// The package as `npm pack` makes it, unpacked in an empty project and used by its name alone.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { type Cleanup, temporaryFolder } from './support/disk/temporary-folder.ts';
import { compilerOptions, program } from './support/process/consumer-program.ts';
import { filesIn } from './support/process/imports.ts';
import { root, run, scratchProject, tsc } from './support/process/scratch-project.ts';

const manifest = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));
const targets: [entry: string, target: string][] = Object.entries(manifest.exports);
const modules = targets.filter(([entry]) => entry !== './package.json');

describe('the package', () => {
  const cleanups: (() => unknown)[] = [];
  const suite: Cleanup = { after: (done) => cleanups.push(done) };
  after(() => Promise.all(cleanups.map((done) => done())));

  /** A project with nothing in it but the package. */
  let consumer = '';
  let installed = '';
  before(async () => {
    const project = scratchProject(suite);
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

  it('holds a module and its types for every source file, the command, and what says what it is', () => {
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

  it('imports nothing but its own files, by the names they have there, and modules of Node', () => {
    const code = filesIn(installed).filter((path) => path.endsWith('.js'));
    for (const path of code) {
      const source = readFileSync(`${installed}/${path}`, 'utf8');
      for (const [, to = ''] of source.matchAll(/\bfrom '([^']+)'/g)) {
        const isThere = to.startsWith('.') && existsSync(new URL(to, `file://${installed}/${path}`));
        assert.ok(to.startsWith('node:') || isThere, `${path} imports ${to}`);
      }
    }
  });

  it('offers the modules that it promises, and nothing else', () => {
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
    it(`has ${target} and its types for ${entry}`, () => {
      assert.ok(existsSync(`${installed}/${target}`));
      assert.ok(existsSync(`${installed}/${target.replace(/\.js$/, '.d.ts')}`));
    });
  }

  it('can be used by its name and its types, every module of it', async () => {
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

  it('has the command, which runs', async () => {
    const main = `${installed}/${manifest.bin.jot}`;
    assert.match(readFileSync(main, 'utf8'), /^#!\/usr\/bin\/env node\n/);
    const { code, stdout } = await run(process.execPath, [main, 'version'], consumer);
    assert.deepEqual([code, stdout], [0, `${manifest.version}\n`]);
  });

  it('does not run a command that it does not have', async () => {
    const { code } = await run(process.execPath, [`${installed}/${manifest.bin.jot}`, 'sreve'], consumer);
    assert.equal(code, 2);
  });
});
