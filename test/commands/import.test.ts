import assert from 'node:assert/strict';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { describe, it, type TestContext } from 'node:test';
import { UsageError } from '../../src/commands/command.ts';
import { exportRows } from '../../src/commands/export.ts';
import { importRows } from '../../src/commands/import.ts';
import { contentsOf, dataFile, traceOf } from '../support/disk/data-files.ts';
import { type Export, exportOf, FOO_HASH } from '../support/disk/exports.ts';
import { linesWith, linesWithUsers } from '../support/disk/records.ts';
import { openFor, postOf, rejects, sessionOf, userNamed } from '../support/disk/stores.ts';
import { temporaryFolder } from '../support/disk/temporary-folder.ts';
import { createWorld, type Outcome, runCommand, withoutPlace } from '../support/process/world.ts';

type Input = string | Uint8Array | Readable;

function importInto(path: string, stdin: Input): Promise<Outcome> {
  return runCommand(importRows, [], { settings: { DATABASE_URL: `file:${path}` }, stdin });
}

/** It is refused with this message, and there is no file afterwards, and not the beginning of one either. */
async function refused(t: TestContext, input: Input, message: string | RegExp): Promise<void> {
  const folder = temporaryFolder(t);
  await assert.rejects(importInto(`${folder}/jot.jsonl`, input), (error: Error) => {
    assert.equal(error.name, 'JotError');
    if (typeof message === 'string') assert.equal(error.message, message);
    else assert.match(error.message, message);
    return true;
  });
  assert.deepEqual(readdirSync(folder), []);
}

function problem(text: string): string {
  return `Nothing was imported:\n  ${text}`;
}

describe('import', () => {
  it('puts all rows into a file that is not there, and says how many', async (t) => {
    const path = `${temporaryFolder(t)}/data/jot.jsonl`;
    const given = exportOf();
    const { code, stdout, stderr } = await importInto(path, JSON.stringify(given));
    assert.deepEqual([code, withoutPlace(stderr)], [0, '']);
    assert.match(stderr, / was made, since there was none; no server was running\n$/);
    assert.equal(stdout, `${path}: 2 users, 1 post, 1 session imported\n`);
    const { users, posts, sessions, next } = given;
    assert.deepEqual(await contentsOf(path), { rows: { users, posts, sessions }, next });
    assert.deepEqual(readdirSync(`${path}/..`.replace('/jot.jsonl/..', '')), ['jot.jsonl']);
  });

  const forms: readonly (readonly [reason: string, input: (given: Export) => Input])[] = [
    ['in one piece', (given) => JSON.stringify(given)],
    ['pretty-printed', (given) => JSON.stringify(given, null, 2)],
    ['with carriage returns', (given) => JSON.stringify(given, null, '\t').replaceAll('\n', '\r\n')],
    [
      'with the keys in another order, posts before their users',
      (given) => JSON.stringify(Object.fromEntries(Object.entries(given).reverse())),
    ],
    [
      'with the keys of rows in another order',
      (given) =>
        JSON.stringify(given, (_key, value) =>
          value?.id ? Object.fromEntries(Object.entries(value).reverse()) : value,
        ),
    ],
    [
      'byte by byte',
      (given) => Readable.from([...Buffer.from(JSON.stringify(given))].map((byte) => Buffer.from([byte]))),
    ],
    [
      'with fields that are not declared, which are left out',
      (given) => JSON.stringify({ ...given, posts: [{ ...given.posts[0], likes: 7, __proto__: null }] }),
    ],
  ];
  for (const [reason, input] of forms) {
    it(`takes an export ${reason}`, async (t) => {
      const path = `${temporaryFolder(t)}/jot.jsonl`;
      const given = exportOf();
      await importInto(path, input(given));
      const { users, posts, sessions, next } = given;
      assert.deepEqual(await contentsOf(path), { rows: { users, posts, sessions }, next });
    });
  }

  it('goes on behind the highest id where "next" says nothing', async (t) => {
    const path = `${temporaryFolder(t)}/jot.jsonl`;
    await importInto(path, JSON.stringify(exportOf({ next: undefined })));
    assert.deepEqual((await contentsOf(path)).next, { users: 6, posts: 4, sessions: 2 });
  });

  it('takes the longest title and an empty body, as a request may have them', async (t) => {
    const path = `${temporaryFolder(t)}/jot.jsonl`;
    const [post] = exportOf().posts;
    const changed = { ...post, title: '😀'.repeat(200), body: '' };
    await importInto(path, JSON.stringify(exportOf({ posts: [changed] })));
    assert.deepEqual((await contentsOf(path)).rows.posts, [changed]);
  });

  it('keeps a username in the form that a signup keeps it in', async (t) => {
    const path = `${temporaryFolder(t)}/jot.jsonl`;
    const users = [{ id: 1, version: 1, ...userNamed('zoe\u0308'), password_hash: FOO_HASH }];
    await importInto(path, JSON.stringify(exportOf({ users, posts: [], next: {} })));
    const store = await openFor(t, `file:${path}`);
    assert.equal((await store.users.get(1)).username, 'zo\u00eb');
  });

  it('takes the lowest and the highest ids there can be, and none is given out after them', async (t) => {
    const path = `${temporaryFolder(t)}/jot.jsonl`;
    const highest = Number.MAX_SAFE_INTEGER;
    const users = [1, highest].map((id) => ({
      id,
      version: 1,
      ...userNamed(`user ${id}`),
      password_hash: FOO_HASH,
    }));
    await importInto(path, JSON.stringify(exportOf({ users, posts: [], sessions: [], next: {} })));
    const store = await openFor(t, `file:${path}`);
    await rejects(store.users.create(userNamed('matt')), 'unavailable', 'There are no ids left');
    assert.equal((await store.users.get(highest)).id, highest);
    await store.close();
    assert.equal((await contentsOf(path)).rows.users.length, 2, 'and the file can be opened');

    const { stdout } = await runCommand(exportRows, ['--with-secrets', path]);
    assert.equal(JSON.parse(stdout).next.users, 2 ** 53);
    const other = `${temporaryFolder(t)}/jot.jsonl`;
    await importInto(other, stdout);
    assert.deepEqual(await contentsOf(other), await contentsOf(path), 'and so can one made from its export');
  });
});

describe('import of what is no export', () => {
  it('refuses one that is cut off at any byte', async (t) => {
    const folder = temporaryFolder(t);
    const bytes = Buffer.from(JSON.stringify(exportOf()));
    for (let length = 0; length < bytes.length; length++) {
      const cut = bytes.subarray(0, length);
      await assert.rejects(
        importInto(`${folder}/jot.jsonl`, cut),
        { code: 'bad_request' },
        `${length} bytes`,
      );
    }
    assert.deepEqual(readdirSync(folder), []);
    await importInto(`${folder}/jot.jsonl`, bytes);
    assert.deepEqual(readdirSync(folder), ['jot.jsonl']);
  });

  const text = JSON.stringify(exportOf());
  const rows: readonly (readonly [input: string | Uint8Array, message: RegExp, reason: string])[] = [
    ['Dear diary', /^It is not JSON: unexpected input at line 1, character 1$/, 'a text'],
    [`[${text}]`, /^It is not JSON: unexpected input at line 1, character 1$/, 'a list at the top'],
    [`\ufeff${text}`, /^It is not JSON: /, 'a byte order mark'],
    [`${text}\n${text}`, /^It is not JSON: unexpected input at line 2, character 1$/, 'two of them'],
    [`${text}x`, /^It is not JSON: /, 'text behind it'],
    [Buffer.from(text, 'utf16le'), /^It is not (JSON|UTF-8)/, 'another encoding'],
    [Buffer.concat([Buffer.from('{"format":"'), Buffer.from([0xff])]), /^It is not UTF-8$/, 'not UTF-8'],
    [text.replace('"id":5', '"id":5,'), /^It is not JSON: /, 'a comma too many'],
  ];
  for (const [input, message, reason] of rows) {
    it(`refuses ${reason}`, (t) => refused(t, input, message));
  }
});

describe('import of another JSON object', () => {
  const message = 'This is not what "jot export" printed: its "format" is not "jot-export"';
  const rows: readonly (readonly [given: object, reason: string])[] = [
    [{}, 'an empty one'],
    [{ name: 'jot', version: '0.1.0', scripts: { start: 'jot' }, files: ['dist'] }, 'a package.json'],
    [exportOf({ format: undefined }), 'no format'],
    [exportOf({ format: 'jot' }), 'another format'],
    [exportOf({ format: ['jot-export'] }), 'a list in place of the format'],
  ];
  for (const [given, reason] of rows) {
    it(`says that it is none, and nothing else: ${reason}`, (t) =>
      refused(t, JSON.stringify(given), message));
  }
});

describe('import of an export that is wrong', () => {
  const [matt, zoe] = exportOf().users;
  const [post] = exportOf().posts;
  const [session] = exportOf().sessions;
  const withUser = (change: object) => exportOf({ users: [matt, { ...zoe, ...change }] });
  const withPost = (change: object) => exportOf({ posts: [{ ...post, ...change }] });
  const withSession = (change: object) => exportOf({ sessions: [{ ...session, ...change }] });

  const rows: readonly (readonly [given: Export, says: string, reason: string])[] = [
    [exportOf({ version: undefined }), 'it does not say that its "version" is 1', 'no version'],
    [
      exportOf({ version: 2 }),
      '"version" must be 1\n  it does not say that its "version" is 1',
      'a newer version may mean something else by the same words',
    ],
    [exportOf({ comments: [1] }), 'unknown field "comments"', 'a collection that there is not'],
    [exportOf({ comments: [] }), 'unknown field "comments"', 'the same without rows'],
    [exportOf({ users: {} }), '"users" must be a list', 'an object in place of rows'],
    [exportOf({ next: 7 }), '"next" must be an object', 'no next ids'],
    [exportOf({ next: [{ users: 7 }] }), '"next" must be an object', 'a list in place of next ids'],
    [exportOf({ next: [] }), '"next" must be an object', 'an empty list in place of next ids'],
    [exportOf({ next: { users: '7' } }), '"next" of "users" must be a positive integer', 'a text for an id'],
    [exportOf({ next: { users: 0 } }), '"next" of "users" must be a positive integer', 'below the first id'],
    [
      exportOf({ next: { users: 2 ** 53 + 2 } }),
      '"next" of "users" must be a positive integer',
      'above the last',
    ],
    [exportOf({ next: { comments: 1 } }), 'unknown field "comments" in "next"', 'no such ids'],
    [
      exportOf({ next: { users: 5 } }),
      '"next" of "users" is 5, and there is a row with the id 5',
      'given out already',
    ],
    [exportOf({ users: [matt, zoe, 'tim'] }), 'users, number 3: it is not an object', 'a text for a row'],
    [exportOf({ users: [matt, zoe, null] }), 'users, number 3: it is not an object', 'null for a row'],
    [exportOf({ users: [matt, zoe, [1]] }), 'users, number 3: it is not an object', 'a list for a row'],
    [withUser({ username: undefined }), 'users, number 2: "username" must be a text', 'a field missing'],
    [
      exportOf({ users: [matt, zoe, { ...zoe, id: '6' }] }),
      'users, number 3: "id" must be a positive integer',
      'a text for an id',
    ],
    [
      exportOf({ users: [matt, zoe, { ...zoe, id: 0 }] }),
      'users, number 3: "id" must be a positive integer',
      'no id of this store',
    ],
    [
      exportOf({ users: [matt, zoe, { ...zoe, id: 6.5 }] }),
      'users, number 3: "id" must be a positive integer',
      'half an id',
    ],
    [
      exportOf({ users: [matt, zoe, { ...zoe, id: 6, version: -1 }] }),
      'users, number 3: "version" must be a positive integer',
      'a version below the first',
    ],
    [
      exportOf({ users: [matt, zoe, { ...zoe, id: 6, created: null }] }),
      'users, number 3: "created" must be milliseconds since the epoch',
      'no time',
    ],
    [
      exportOf({ users: [matt, zoe, { ...zoe, id: 6, username: '' }] }),
      'users, number 3: "username" must be 1 to 64 characters long',
      'no name',
    ],
    [
      exportOf({ users: [matt, zoe, { ...zoe, id: 6, username: ' tim' }] }),
      'users, number 3: "username" must not start or end with white space',
      'a name that no signup takes',
    ],
    [
      exportOf({ users: [matt, zoe, { ...zoe, id: 6, username: 'a\ud800' }] }),
      'users, number 3: "username" must not contain a lone surrogate',
      'half a character',
    ],
    [
      exportOf({ users: [matt, { ...zoe, id: 1 }], posts: [], next: {} }),
      'users, number 2: there is another row with the id 1',
      'an id twice',
    ],
    [
      exportOf({ users: [matt, zoe, { ...zoe, id: 6, username: 'ZOÉ' }] }),
      'users, id 5: another row has the same username',
      'one name in two spellings',
    ],
    [
      exportOf({ users: [matt, zoe, { ...zoe, id: 6, username: 'ＭATT' }] }),
      'users, id 1: another row has the same username',
      'one name in two widths',
    ],
    [withPost({ user_id: 2 }), 'posts, id 3: its owner, 2 of users, is not there', 'a post of nobody'],
    [
      withPost({ title: '' }),
      'posts, number 1: "title" must be 1 to 200 characters long',
      'no title, which no request could have made',
    ],
    [
      withPost({ title: 'x'.repeat(201) }),
      'posts, number 1: "title" must be 1 to 200 characters long',
      'a title that no request could have made',
    ],
    [
      withPost({ title: 'a\ud800' }),
      'posts, number 1: "title" must not contain a lone surrogate',
      'half a character in a title',
    ],
    [
      withPost({ body: '\udc00' }),
      'posts, number 1: "body" must not contain a lone surrogate',
      'half a character in a body',
    ],
    [withPost({ title: 7 }), 'posts, number 1: "title" must be a text', 'a number for a text'],
    [
      withPost({ updated: '1' }),
      'posts, number 1: "updated" must be milliseconds since the epoch',
      'a text for a number',
    ],
    [
      withPost({ updated: 8.64e15 + 1 }),
      'posts, number 1: "updated" must be milliseconds since the epoch',
      'no date that can be shown',
    ],
    [
      withPost({ updated: 1.5 }),
      'posts, number 1: "updated" must be milliseconds since the epoch',
      'a fraction',
    ],
    [
      withSession({ user_id: 2 }),
      'sessions, id 1: its owner, 2 of users, is not there',
      'a session of nobody',
    ],
    [
      exportOf({ sessions: [session, { ...session, id: 2 }], next: {} }),
      'sessions, id 1: another row has the same sid',
      'one session twice',
    ],
    [
      withSession({ generation: true }),
      'sessions, number 1: "generation" must be an integer',
      'a boolean for a number',
    ],
  ];
  for (const [given, says, reason] of rows) {
    it(`names the place: ${reason}`, (t) => refused(t, JSON.stringify(given), problem(says)));
  }

  const hashes = [
    '',
    'foo',
    null,
    7,
    '$2b$10$abc',
    '$scrypt$ln=30,r=8,p=1$c2FsdA$aGFzaGhhc2hoYXNoaGFzaA',
    '$scrypt$ln=1,r=1,p=1$c2FsdA$',
  ];
  for (const password_hash of hashes) {
    it(`refuses ${JSON.stringify(password_hash)} as a hash: no login could read it`, async (t) => {
      const given = exportOf({ users: [matt, zoe, { ...zoe, id: 6, password_hash }] });
      await refused(
        t,
        JSON.stringify(given),
        problem('users, number 3: "password_hash" must be a scrypt hash in PHC format'),
      );
    });
  }

  it('takes `__proto__` for a name like any other', async (t) => {
    const text = JSON.stringify(exportOf());
    const atTop = text.replace('"next":', '"__proto__":{"format":"jot-export"},"next":');
    await refused(t, atTop, problem('unknown field "__proto__"'));
    const inNext = text.replace('"next":{', '"next":{"__proto__":9,');
    await refused(t, inNext, problem('unknown field "__proto__" in "next"'));
    const inRow = text.replace('"title":', '"__proto__":{"title":"inherited"},"untitled":');
    await refused(t, inRow, problem('posts, number 1: "title" must be a text'));
  });

  it('shows twenty problems and counts the rest', async (t) => {
    const posts = Array.from({ length: 1_030 }, (_, index) => ({ ...post, id: index + 1, user_id: 2 }));
    const folder = temporaryFolder(t);
    const given = JSON.stringify(exportOf({ posts, next: {} }));
    await assert.rejects(importInto(`${folder}/jot.jsonl`, given), (error: Error) => {
      const lines = error.message.split('\n');
      assert.equal(lines.length, 1 + 20 + 1);
      assert.equal(lines[20], '  posts, id 20: its owner, 2 of users, is not there');
      assert.equal(lines[21], '  and 1,010 more');
      return true;
    });
  });

  it('quotes only the beginning of a name that is long', async (t) => {
    const given = JSON.stringify(exportOf({ ['x'.repeat(1_000)]: 1 }));
    await refused(t, given, problem(`unknown field "${'x'.repeat(60)}…"`));
  });
});

describe('where import puts rows', () => {
  const text = JSON.stringify(exportOf());

  it('is no store with rows: it is left as it is', async (t) => {
    const path = dataFile(t, linesWithUsers('tim').join(''));
    const before = traceOf(path);
    const message = `There are rows in ${path} already; an import needs an empty one`;
    await rejects(importInto(path, text), 'conflict', message);
    assert.deepEqual(traceOf(path), before);
  });

  it('can be an empty store, whose ids are not given out again', async (t) => {
    const path = `${temporaryFolder(t)}/jot.jsonl`;
    const store = await openFor(t, `file:${path}`);
    for (let count = 1; count <= 9; count++) {
      await store.users.create(userNamed('tim'));
      await store.users.remove(count);
    }
    await store.close();
    await importInto(path, text);
    const again = await openFor(t, `file:${path}`);
    assert.equal((await again.users.create(userNamed('tim'))).id, 10);
    assert.equal((await again.posts.create(postOf(1))).id, 4);
    assert.equal((await again.sessions.create(sessionOf(1, 'two'))).id, 2);
  });

  it('can be a file without a byte in it', async (t) => {
    const path = dataFile(t, '');
    await importInto(path, text);
    assert.equal((await contentsOf(path)).rows.users.length, 2);
  });

  it('keeps an empty store as it is when the export is wrong', async (t) => {
    const path = dataFile(t, linesWith().join(''));
    const before = traceOf(path);
    await rejects(importInto(path, text.replace('jot-export', 'jot')), 'validation_failed');
    await rejects(importInto(path, text.slice(0, -1)), 'bad_request');
    assert.deepEqual(traceOf(path), before);
  });

  it('is no damaged file: it names the place and leaves it', async (t) => {
    const [header = '', first = '', second = ''] = linesWithUsers('matt', 'elie');
    const path = dataFile(t, header + first.replace('matt', 'Matt') + second);
    const before = traceOf(path);
    const where = `line 2, byte ${header.length}: its checksum does not match`;
    await rejects(importInto(path, text), 'unavailable', `The data file ${path} is damaged at ${where}`);
    assert.deepEqual(traceOf(path), before);
  });

  it('is no file that somebody has: nothing is read from standard input then', async (t) => {
    const path = `${temporaryFolder(t)}/jot.jsonl`;
    await openFor(t, `file:${path}`);
    const input = Readable.from([Buffer.from(text)]);
    const message = `The data file ${path} is in use by process ${process.pid}; stop it first`;
    await rejects(importInto(path, input), 'unavailable', message);
    assert.equal(input.readableDidRead, false);
  });

  it('is no store in memory', async () => {
    const settings = { DATABASE_URL: 'memory:' };
    await rejects(runCommand(importRows, [], { settings, stdin: text }), 'unavailable');
  });
});

describe('what import reads', () => {
  it('is not typed by somebody', async () => {
    const world = createWorld();
    const stdin = Object.assign(Readable.from([]), { isTTY: true });
    await assert.rejects(importRows.run({ ...world, stdin }, []), (error) => error instanceof UsageError);
  });

  it('is no file that is named: it would be taken for the data file', async () => {
    await assert.rejects(runCommand(importRows, ['export.json']), (error) => error instanceof UsageError);
  });

  it('that breaks off with an error leaves nothing, and the data file is not blamed', async (t) => {
    async function* failing() {
      yield Buffer.from('{"format":');
      throw Object.assign(new Error('EISDIR: illegal operation on a directory, read'), { code: 'EISDIR' });
    }
    const message = "Standard input can't be read: EISDIR: illegal operation on a directory, read";
    await refused(t, Readable.from(failing()), message);
  });

  it('is not nothing', async (t) => {
    const message = 'There is nothing on standard input';
    for (const none of [Readable.from([]), Readable.from([Buffer.alloc(0)])]) await refused(t, none, message);
  });

  it('does not begin with what npm prints, in however many pieces', async (t) => {
    const message = 'It begins with lines that npm printed; export with "npm run -s jot -- export"';
    const banner = '\n> jot@0.1.0 jot\n> exec node scripts/run.mjs src/main.ts export\n\n';
    await refused(t, banner + JSON.stringify(exportOf()), message);
    await refused(t, banner.trim(), message);
    await refused(t, Readable.from([...banner].map((byte) => Buffer.from(byte))), message);
    await refused(t, '\n  >{}', 'It is not JSON: unexpected input at line 2, character 3');
  });

  it('leaves what an interrupted one left behind to the next one', async (t) => {
    const folder = temporaryFolder(t);
    writeFileSync(`${folder}/.jot.jsonl.new`, 'half of a data file');
    await importInto(`${folder}/jot.jsonl`, JSON.stringify(exportOf()));
    assert.equal(existsSync(`${folder}/.jot.jsonl.new`), false);
  });
});
