// A new resource is one file, one declaration in the store and one line in the wiring. Here somebody adds one to a copy of
// the source, and nothing else: it is checked, routed, limited, kept, listed in pages and documented.

import assert from 'node:assert/strict';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import type * as Wiring from '../src/app.ts';
import { type Cleanup, temporaryFolder } from './support/disk/temporary-folder.ts';
import { filesIn, importsBelow, offences } from './support/process/imports.ts';
import { additions, newFile } from './support/process/remarks-resource.ts';
import { root, scratchProject, tsc } from './support/process/scratch-project.ts';
import { type Answer, type CallOptions, send, startServer } from './support/server/server.ts';

const SETTINGS = { PORT: '0', PASSWORD_COST: 'ln=1,r=1,p=1', JWT_SECRET_KEY: 'x'.repeat(32) };

describe('a new resource', () => {
  const cleanups: (() => unknown)[] = [];
  const suite: Cleanup = { after: (done) => cleanups.push(done) };
  after(() => Promise.all(cleanups.map((done) => done())));

  let project = '';
  before(() => {
    project = scratchProject(suite);
    addResource(project);
  });

  it('is one new file and a few new lines in two others', () => {
    assert.deepEqual(changesFrom(`${root}src`, `${project}/src`), {
      added: [newFile.path],
      removed: [],
      changed: ['app.ts', 'store/collections.ts'],
    });
    for (const file of ['app.ts', 'store/collections.ts']) {
      const wanted = additions.filter((each) => each.file === file).flatMap(({ lines }) => lines);
      const added = addedLines(linesOf(`${root}src/${file}`), linesOf(`${project}/src/${file}`));
      assert.deepEqual(added.sort(), wanted.sort());
    }
    const wiring = additions.filter(({ file }) => file === 'app.ts').flatMap(({ lines }) => lines);
    assert.equal(wiring.length, 2, 'an import and a line');
  });

  it('would be more if another file had changed as well', (t) => {
    const other = scratchProject(t);
    addResource(other);
    writeFileSync(
      `${other}/src/api/match-endpoint.ts`,
      `${readFileSync(`${other}/src/api/match-endpoint.ts`, 'utf8')}\n`,
    );
    assert.deepEqual(changesFrom(`${root}src`, `${other}/src`).changed, [
      'api/match-endpoint.ts',
      'app.ts',
      'store/collections.ts',
    ]);
  });

  it('has types that fit, and imports only what a resource may', async () => {
    assert.deepEqual(offences(importsBelow(`${project}/src`)), []);
    const checked = await tsc(['-p', 'tsconfig.build.json', '--noEmit'], project);
    assert.equal(checked.code, 0, checked.stdout);
  });

  it('leaves the types of the tests and scripts right, which name the collections that they need', async (t) => {
    const whole = scratchProject(t);
    for (const folder of ['test', 'scripts']) {
      cpSync(`${root}${folder}`, `${whole}/${folder}`, { recursive: true });
    }
    addResource(whole);
    const checked = await tsc([], whole);
    assert.equal(checked.code, 0, checked.stdout);
    // A test that lists all collections stands for those that would have to be changed.
    const source = "import type { Rows } from '../src/store/collections.ts';\n";
    const list = 'export const ALL: Record<keyof Rows, number> = { users: 1, posts: 1, sessions: 1 };\n';
    writeFileSync(`${whole}/test/all.ts`, source + list);
    writeFileSync(`${whole}/all.json`, '{ "extends": "./tsconfig.json", "include": ["test/all.ts"] }');
    const { code, stdout } = await tsc(['-p', 'all.json'], whole);
    assert.notEqual(code, 0);
    assert.match(stdout, /^test\/all\.ts\(2,/);
  });

  it('would not have types that fit without its declaration in the store', async (t) => {
    const other = scratchProject(t);
    writeFileSync(`${other}/src/${newFile.path}`, newFile.source);
    const { code, stdout } = await tsc(['-p', 'tsconfig.build.json', '--noEmit'], other);
    assert.notEqual(code, 0);
    assert.match(stdout, /remarks/);
  });

  it('is served, kept with its owner, listed in pages and documented', async (t) => {
    const url = `file:${temporaryFolder(t)}/jot.jsonl`;
    const first = await start(t, project, url);
    const path = '/users/1/posts/1/remarks';
    assert.equal((await first.call('POST', '/users', { json: MATT })).status, 201);
    const token = (await first.call('POST', '/auth', { json: MATT })).json.access_token;
    assert.equal((await first.call('GET', path, { token })).status, 404, 'there is no post yet');
    await first.call('POST', '/users/1/posts', { token, json: { title: 'a', body: 'b' } });

    for (const text of ['one', 'two']) {
      const { status, headers, json } = await first.call('POST', path, { token, json: { text, unknown: 1 } });
      assert.deepEqual([status, Object.keys(json), json.text], [201, ['id', 'text', 'created'], text]);
      assert.equal(headers.location, `${path}/${json.id}`);
    }
    const bad = await first.call('POST', path, { token, json: { text: '' } });
    assert.deepEqual([bad.status, Object.keys(bad.json.fields)], [400, ['text']]);
    assert.equal((await first.call('GET', path)).status, 401);
    assert.equal((await first.call('GET', path.replace('1', '2'), { token })).status, 403);
    assert.equal((await first.call('DELETE', path)).headers.allow, 'GET, HEAD, OPTIONS, POST');
    const documented = (await first.call('GET', '/openapi.json')).json.paths;
    assert.deepEqual(Object.keys(documented['/users/{user_id}/posts/{post_id}/remarks']).sort(), [
      'get',
      'post',
    ]);

    const other = await first.call('POST', '/users/1/posts', { token, json: { title: 'a', body: 'b' } });
    const remarks = `/users/1/posts/${other.json.id}/remarks`;
    assert.equal((await first.call('GET', remarks, { token })).headers['x-cache'], 'MISS');
    assert.equal((await first.call('GET', remarks, { token })).headers['x-cache'], 'HIT');
    await first.call('DELETE', `/users/1/posts/${other.json.id}`, { token });
    const gone = await first.call('GET', remarks, { token });
    assert.deepEqual([gone.status, gone.json.description], [404, 'There is no such post']);

    await first.close();
    const second = await start(t, project, url);
    const { json, headers } = await second.call('GET', `${path}?limit=1`, { token });
    assert.deepEqual([json.length, json[0].text], [1, 'one']);
    const next = /^<([^>]+)>/.exec(String(headers.link))?.[1] ?? '';
    const rest = await second.call('GET', next, { token });
    assert.deepEqual([rest.json.length, rest.json[0].text, rest.headers.link], [1, 'two', undefined]);

    assert.equal(await countIn(second, project, url), 2);
    const third = await start(t, project, url);
    assert.equal((await third.call('DELETE', '/users/1', { token })).status, 204);
    assert.equal(await countIn(third, project, url), 0, 'they went with their post, and that with its user');
  });

  it('can be added to data that was there before it', async (t) => {
    const url = `file:${temporaryFolder(t)}/jot.jsonl`;
    const original = await startServer(t, { ...SETTINGS, DATABASE_URL: url });
    await original.signUp('matt', 'foo');
    const { access: token } = await original.signIn('matt', 'foo');
    await original.call('POST', '/users/1/posts', { token, json: { title: 'a', body: 'b' } });
    await original.close();

    const { call } = await start(t, project, url, () => original.clock.ms);
    const { status, json } = await call('POST', '/users/1/posts/1/remarks', {
      token,
      json: { text: 'new' },
    });
    assert.deepEqual([status, json.id], [201, 1]);
  });
});

const MATT = { username: 'matt', password: 'foo' };

/** Starts the server that a copy of the source is. */
async function start(t: Cleanup, project: string, url: string, now: () => number = Date.now) {
  const { createApp }: typeof Wiring = await import(pathToFileURL(`${project}/src/app.ts`).href);
  const app = createApp({ settings: { ...SETTINGS, DATABASE_URL: url }, now });
  t.after(() => app.close());
  const port = Number(new URL(await app.listen()).port);
  const call = (method: string, path: string, options?: CallOptions): Promise<Answer> =>
    send(port, method, path, options);
  return { call, close: () => app.close() };
}

/** How many remarks the server leaves behind when it is closed. */
async function countIn(server: { close(): Promise<void> }, project: string, url: string): Promise<number> {
  await server.close();
  const { openStore } = await import(pathToFileURL(`${project}/src/store/open.ts`).href);
  const store = await openStore(url);
  const count = await store.remarks.count();
  await store.close();
  return count;
}

function addResource(project: string): void {
  writeFileSync(`${project}/src/${newFile.path}`, newFile.source);
  for (const { file, behind, lines, reason } of additions) {
    const path = `${project}/src/${file}`;
    const all = linesOf(path);
    const at = all.findIndex((line) => line.startsWith(behind));
    assert.notEqual(at, -1, `${file} has no line ${behind} to put ${reason} behind`);
    writeFileSync(path, all.toSpliced(at + 1, 0, ...lines).join('\n'));
  }
}

function changesFrom(original: string, copy: string) {
  const [old, now] = [filesIn(original), filesIn(copy)];
  const isSame = (path: string) =>
    readFileSync(`${original}/${path}`, 'utf8') === readFileSync(`${copy}/${path}`, 'utf8');
  return {
    added: now.filter((path) => !old.includes(path)),
    removed: old.filter((path) => !now.includes(path)),
    changed: now.filter((path) => old.includes(path) && !isSame(path)),
  };
}

/** The lines that were put in between the old ones, all of which are there still, in order. */
function addedLines(old: readonly string[], now: readonly string[]): string[] {
  const rest = [...old];
  const added = now.filter((line) => {
    const isOld = line === rest[0];
    if (isOld) rest.shift();
    return !isOld;
  });
  assert.deepEqual(rest, [], 'a line was changed or removed');
  return added;
}

function linesOf(path: string): string[] {
  return readFileSync(path, 'utf8').split('\n');
}
