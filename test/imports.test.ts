// What holds for the source as a whole: who imports whom, what nobody imports, and how a file looks.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { filesIn, type Import, importsBelow, importsIn, offences, rules } from './support/process/imports.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const LINES_MAX = 300;

const imports = importsBelow(`${root}src`);
const files = filesIn(`${root}src`)
  .filter((path) => !path.endsWith('.md'))
  .map((path) => ({ path, text: readFileSync(`${root}src/${path}`, 'utf8') }));

describe('src: the directions of imports', () => {
  for (const { of, mayImport, reason } of rules) {
    it(`${of} imports only ${mayImport.join(', ') || 'Node and itself'}: ${reason}`, () => {
      const isOf = (path: string) => (of.endsWith('/') ? path.startsWith(of) : path === of);
      assert.ok(
        files.some(({ path }) => isOf(path)),
        `nothing is left of ${of}`,
      );
      assert.deepEqual(offences(imports.filter(({ from }) => isOf(from))), []);
    });
  }

  it('has a rule for every file', () => {
    assert.deepEqual(offences(imports), []);
    const hasRule = (path: string) => rules.some(({ of }) => path === of || path.startsWith(of));
    assert.deepEqual(
      files.map(({ path }) => path).filter((path) => !hasRule(path)),
      [],
    );
  });

  it('imports no package: only its own files, with their extension, and modules of Node by their full name', () => {
    const builtin = builtinModules.map((name) => (name.startsWith('node:') ? name : `node:${name}`));
    const known = new Set([...files.map(({ path }) => path), ...builtin]);
    assert.deepEqual(
      imports.filter(({ to }) => !known.has(to)),
      [],
    );
  });
});

describe('offences', () => {
  const rows: readonly [from: string, to: string, reason: string][] = [
    ['lib/log.ts', 'http/reply.ts', 'the ground floor looks up'],
    ['http/reply.ts', 'schema/schema.ts', 'HTTP knows of schemas'],
    ['routing/router.ts', 'http/incoming.ts', 'the router knows of HTTP'],
    ['auth/tokens.ts', 'store/store.ts', 'tokens know of a store'],
    ['auth/tokens.ts', 'limit/limiter.ts', 'tokens know of limits'],
    ['limit/limiter.ts', 'http/address.ts', 'limits know of requests'],
    ['cache/ttl-cache.ts', 'store/collections.ts', 'the cache knows of rows'],
    ['schema/schema.ts', 'http/json.ts', 'the schema knows of HTTP'],
    ['store/memory/tables.ts', 'schema/schema.ts', 'a store knows of schemas'],
    ['store/file/load.ts', 'resources/users.ts', 'a store knows of resources'],
    ['api/identify.ts', 'store/memory/memory-store.ts', 'the journey knows an engine'],
    ['api/identify.ts', 'store/file/file-store.ts', 'the journey knows the other engine'],
    ['api/identify.ts', 'store/open.ts', 'the journey opens a store itself'],
    ['api/match-endpoint.ts', 'resources/users.ts', 'the journey knows a resource'],
    ['api/route.ts', 'config.ts', 'the journey reads settings itself'],
    ['resources/users.ts', 'http/reply.ts', 'a handler writes its answer itself'],
    ['resources/users.ts', 'store/memory/tables.ts', 'a handler reaches into an engine'],
    ['resources/users.ts', 'routing/router.ts', 'a handler routes'],
    ['control/lock.ts', 'store/store.ts', 'the lock knows of rows'],
    ['config.ts', 'app.ts', 'settings know of the wiring'],
    ['api/pipeline.ts', 'app.ts', 'nobody but the command imports the wiring'],
    ['app.ts', 'main.ts', 'nobody imports the command'],
    ['commands/check.ts', 'app.ts', 'a command other than serve knows the wiring'],
    ['lib/log.ts', 'pino', 'a package'],
    ['lib/log.ts', 'fs', 'a module of Node without `node:`, which a package may pass itself off as'],
    ['lib/log.ts', './support/model/random.ts', 'a file outside of the source'],
    ['plugins/one.ts', 'lib/log.ts', 'a folder that the table does not know'],
  ];
  for (const [from, to, reason] of rows) {
    it(`names ${from} importing ${to}: ${reason}`, () => {
      assert.deepEqual(offences([{ from, to }]), [`${from} imports ${to}`]);
    });
  }

  const allowed: readonly [from: string, to: string][] = [
    ['lib/log.ts', 'node:fs'],
    ['lib/log.ts', 'lib/errors.ts'],
    ['store/file/load.ts', 'store/memory/tables.ts'],
    ['api/identify.ts', 'store/store.ts'],
    ['resources/auth.ts', 'http/address.ts'],
    ['app.ts', 'store/open.ts'],
    ['commands/serve.ts', 'app.ts'],
  ];
  for (const [from, to] of allowed) {
    it(`allows ${from} importing ${to}`, () => assert.deepEqual(offences([{ from, to }]), []));
  }
});

describe('importsIn', () => {
  const rows: readonly [source: string, to: string[], form: string][] = [
    ["import { a } from './one.ts';", ['api/one.ts'], 'names'],
    ["import type { A } from '../lib/one.ts';", ['lib/one.ts'], 'types'],
    ["import {\n  a,\n  type B,\n} from '../../up.ts';", ['../up.ts'], 'several lines'],
    ["import * as one from 'one';", ['one'], 'a namespace'],
    ["import one, { two } from '@scope/one/two';", ['@scope/one/two'], 'a default'],
    ["import 'one';", ['one'], 'nothing, for its effects'],
    ['import "one";', ['one'], 'the other quotes'],
    ["export { a } from './one.ts';", ['api/one.ts'], 'what is passed on'],
    ["export type * from './one.ts';", ['api/one.ts'], 'everything passed on'],
    ["const one = await import('one');", ['one'], 'later'],
    ["const one = require('one');", ['one'], 'the old way'],
    ["import one from 'one'; // from 'two'", ['one'], 'not what a comment says behind it'],
    ["// import one from 'one';", [], 'not what a comment says'],
    ["import a from 'a';\nexport const b = 1;\nimport c from 'c';", ['a', 'c'], 'one after the other'],
    ["export const a = 1;\nconst text = `it's from 'one'`;", [], 'no declaration of its own'],
  ];
  for (const [source, to, form] of rows) {
    it(`finds ${form}`, () => {
      const expected: Import[] = to.map((each) => ({ from: 'api/here.ts', to: each }));
      assert.deepEqual(importsIn('api/here.ts', source), expected);
    });
  }
});

describe('src: the form of a file', () => {
  const startsWithComment = (text: string) => /^(?:#!.*\n)?(?:\/\/ \S|\/\*\*)/.test(text);
  const lines = (text: string) => text.replace(/\n$/, '').split('\n').length;

  it('begins with a comment', () => {
    const without = files.filter(({ text }) => !startsWithComment(text)).map(({ path }) => path);
    assert.deepEqual(without, []);
  });

  it(`has ${LINES_MAX} lines at most`, () => {
    const long = files.filter(({ text }) => lines(text) > LINES_MAX).map(({ path }) => path);
    assert.deepEqual(long, []);
  });

  it('would be found without a comment, or too long', () => {
    const begin = [
      '// It is.\n',
      '#!/usr/bin/env node\n// It is.\n',
      "import a from 'a';\n",
      '#!/usr/bin/env node\nlet a;',
    ];
    assert.deepEqual(begin.map(startsWithComment), [true, true, false, false]);
    assert.deepEqual([lines('a\n'.repeat(300)), lines('a\n'.repeat(301))], [300, 301]);
  });
});

describe('package.json', () => {
  const content = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));

  for (const kind of ['dependencies', 'optionalDependencies', 'bundleDependencies', 'bundledDependencies']) {
    it(`has no ${kind}`, () => assert.deepEqual(Object.keys(content[kind] ?? {}), []));
  }

  it('has no script that runs when it is installed', () => {
    const installers = ['preinstall', 'install', 'postinstall', 'prepare'];
    assert.deepEqual(
      Object.keys(content.scripts).filter((name) => installers.includes(name)),
      [],
    );
  });
});
