import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { describe, it, type TestContext } from 'node:test';
import { check } from '../../src/commands/check.ts';
import { UsageError } from '../../src/commands/command.ts';
import { exportRows } from '../../src/commands/export.ts';
import { importRows } from '../../src/commands/import.ts';
import { COUNTER_GIVEN_MAX } from '../../src/store/declaration.ts';
import { SCHEMA } from '../../src/store/lift.ts';
import { contentsOf, dataFile, traceOf } from '../support/disk/data-files.ts';
import { type Export, exportOf, exportText, FOO_HASH } from '../support/disk/exports.ts';
import { linesWith, linesWithUsers } from '../support/disk/records.ts';
import { openFor, postOf, rejects, sessionOf, userNamed } from '../support/disk/stores.ts';
import { folderInMemory, temporaryFolder } from '../support/disk/temporary-folder.ts';
import {
  createWorld,
  type Outcome,
  runCommand,
  runIn,
  withoutOthers,
  withoutPlace,
} from '../support/process/world.ts';

// Its rows have the first schema, unlike those of `exportOf`.
const VERSION_1 = kept('export.txt');

type Input = string | Uint8Array | Readable;

function importInto(path: string, stdin: Input): Promise<Outcome> {
  return runCommand(importRows, [], { settings: { DATABASE_URL: `file:${path}` }, stdin });
}

/** An export of an earlier Jot. */
function kept(name: string): string {
  return readFileSync(new URL(`../store/file/before/${name}`, import.meta.url), 'utf8');
}

/** The data file holds the rows and next ids of `exportOf`. */
async function holdsAll(path: string): Promise<void> {
  const { rows, next } = await contentsOf(path);
  const { users, posts, sessions, next: nextIds } = exportOf();
  assert.deepEqual(
    { rows, next },
    { rows: { ...rows, users, posts, sessions }, next: { ...next, ...nextIds } },
  );
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

describe('jot import', () => {
  it('writes all rows to a new file, and prints how many', async (t) => {
    const path = `${temporaryFolder(t)}/data/jot.jsonl`;
    const { code, stdout, stderr } = await importInto(path, exportText());
    assert.deepEqual([code, withoutPlace(stderr)], [0, '']);
    assert.match(stderr, /; no server was running\n$/);
    assert.equal(withoutOthers(stdout), `${path}: 2 users, 1 post, 1 session imported\n`);
    await holdsAll(path);
    assert.deepEqual(readdirSync(`${path}/..`.replace('/jot.jsonl/..', '')), ['jot.jsonl']);
  });

  const reversed = (object: object) => Object.fromEntries(Object.entries(object).reverse());
  const withRowsReversed = (given: Export): Export =>
    JSON.parse(JSON.stringify(given, (_key, value) => (value?.id ? reversed(value) : value)));
  const [header = '', ...lines] = exportText().split(/(?<=\n)/);
  const forms: readonly (readonly [reason: string, input: Input])[] = [
    ['without a newline at its end', exportText().slice(0, -1)],
    ['with carriage returns', exportText().replaceAll('\n', '\r\n')],
    ['with the rows in another order, posts before their users', header + lines.reverse().join('')],
    ['with the keys of rows in another order', exportText(withRowsReversed(exportOf()))],
    ['byte by byte', Readable.from([...Buffer.from(exportText())].map((byte) => Buffer.from([byte])))],
    ['with an unknown member in the header', header.replace('{', '{"made":"2026",') + lines.join('')],
  ];
  for (const [reason, input] of forms) {
    it(`accepts an export ${reason}`, async (t) => {
      const path = `${temporaryFolder(t)}/jot.jsonl`;
      await importInto(path, input);
      await holdsAll(path);
    });
  }

  const formsOfVersion1: readonly (readonly [reason: string, input: Input])[] = [
    ['as it was printed', VERSION_1],
    ['on one line', JSON.stringify(JSON.parse(VERSION_1))],
    ['pretty-printed', JSON.stringify(JSON.parse(VERSION_1), null, 2)],
    ['with its members in another order', JSON.stringify(reversed(JSON.parse(VERSION_1)))],
  ];
  for (const [reason, input] of formsOfVersion1) {
    it(`accepts an export of version 1, ${reason}`, async (t) => {
      const paths = [`${temporaryFolder(t)}/1.jsonl`, `${temporaryFolder(t)}/2.jsonl`] as const;
      await importInto(paths[0], input);
      await importInto(paths[1], kept('export-2.txt'));
      assert.deepEqual(await contentsOf(paths[0]), await contentsOf(paths[1]));
    });
  }

  it('continues after the highest id if "next" is missing', async (t) => {
    const path = `${temporaryFolder(t)}/jot.jsonl`;
    await importInto(path, exportText(exportOf({ next: undefined })));
    const { users, posts, sessions } = (await contentsOf(path)).next;
    assert.deepEqual({ users, posts, sessions }, { users: 6, posts: 4, sessions: 2 });
  });

  it('accepts the longest title and an empty body, as a request may contain them', async (t) => {
    const path = `${temporaryFolder(t)}/jot.jsonl`;
    const [post] = exportOf().posts;
    const changed = { ...post, title: '😀'.repeat(200), body: '' };
    await importInto(path, exportText(exportOf({ posts: [changed] })));
    assert.deepEqual((await contentsOf(path)).rows.posts, [changed]);
  });

  it('normalizes a username as a signup does', async (t) => {
    const path = `${temporaryFolder(t)}/jot.jsonl`;
    const users = [{ id: 1, version: 1, ...userNamed('zoe\u0308'), password_hash: FOO_HASH }];
    await importInto(path, exportText(exportOf({ users, posts: [], next: {} })));
    const store = await openFor(t, `file:${path}`);
    assert.equal((await store.users.get(1)).username, 'zo\u00eb');
  });

  it('accepts the lowest and the highest counters, which can still grow, and can be imported again', async (t) => {
    const path = `${temporaryFolder(t)}/jot.jsonl`;
    const last = COUNTER_GIVEN_MAX;
    const users = [1, last].map((id) => ({
      id,
      version: id,
      ...userNamed(`user ${id}`),
      password_hash: FOO_HASH,
    }));
    const sessions = [{ id: last, version: last, ...sessionOf(last, 'one'), generation: last }];
    const given = exportText(exportOf({ users, posts: [], sessions, next: {} }));
    await importInto(path, given);
    const { stdout } = await runCommand(exportRows, ['--with-secrets', path]);
    const other = `${temporaryFolder(t)}/jot.jsonl`;
    await importInto(other, stdout);
    assert.deepEqual(await contentsOf(other), await contentsOf(path));

    const store = await openFor(t, `file:${path}`);
    for (const step of [1, 2]) {
      assert.equal((await store.users.update(last, { username: `${step}` })).version, last + step);
      assert.equal((await store.users.create(userNamed(`more ${step}`))).id, last + step);
    }
    await store.close();
    assert.equal((await runCommand(check, [path])).code, 0);
  });
});

describe('jot import of input that is not an export', () => {
  for (const text of [exportText(), VERSION_1]) {
    it(`rejects ${text.slice(0, 34)} cut off at the ends of lines and between`, async (t) => {
      const folder = folderInMemory(t);
      const bytes = Buffer.from(text.trimEnd());
      for (let length = 0; length < bytes.length; length++) {
        if (length % 7 > 0 && !bytes.subarray(length - 1, length + 1).includes('\n')) continue;
        const importing = importInto(`${folder}/jot.jsonl`, bytes.subarray(0, length));
        await assert.rejects(importing, { name: 'JotError' }, `${length} bytes`);
      }
      assert.deepEqual(readdirSync(folder), []);
      await importInto(`${folder}/jot.jsonl`, bytes);
      assert.deepEqual(readdirSync(folder), ['jot.jsonl']);
    });
  }

  const neither = 'line 1 is not a header; export with ';
  const notList = 'a member is not a list of ';
  const noFormat = 'its "format" is not "jot-export"';
  const text = JSON.stringify(exportOf());
  const rows: readonly (readonly [input: string | Uint8Array, why: string, reason: string])[] = [
    ['Dear diary', neither, 'a text'],
    [`[${text}]`, neither, 'a list at the top'],
    [`\ufeff${text}`, neither, 'a byte order mark'],
    [`\ufeff${exportText()}`, neither, 'a byte order mark before the header'],
    [`${text}\n${text}`, neither, 'two of them'],
    [`${text}x`, neither, 'text after it'],
    [Buffer.from(text, 'utf16le'), neither, 'another encoding'],
    [Buffer.concat([Buffer.from('{"format":"'), Buffer.from([0xff])]), neither, 'not UTF-8'],
    [text.replace('"id":5', '"id":5,'), neither, 'a comma too many'],
    ['{}', noFormat, 'an empty object'],
    [JSON.stringify({ name: 'jot', version: '0.1.0', files: ['dist'] }, null, 2), noFormat, 'a package.json'],
    [exportText(exportOf({ format: undefined })), noFormat, 'no format'],
    [exportText(exportOf({ format: 'jot' })), noFormat, 'another format'],
    [exportText(exportOf({ format: ['jot-export'] })), noFormat, 'a list in place of the format'],
    [exportText(exportOf({ version: undefined })), 'its "version" is not 1 or 2', 'no version'],
    [exportText().replace('"version":2', '"version":3'), 'its "version" is not 1 or 2', 'a newer version'],
    [JSON.stringify(exportOf({ users: {} })), notList, 'an object in place of rows in version 1'],
  ];
  for (const [input, why, reason] of rows) {
    it(`rejects ${reason}`, (t) =>
      refused(t, input, new RegExp(`^The input is not an export of Jot: ${why}`)));
  }
});

describe('jot import of an invalid export', () => {
  const [matt, zoe] = exportOf().users;
  const [post] = exportOf().posts;
  const [session] = exportOf().sessions;
  const withUser = (change: object) => exportOf({ users: [matt, { ...zoe, ...change }] });
  const withPost = (change: object) => exportOf({ posts: [{ ...post, ...change }] });
  const withSession = (change: object) => exportOf({ sessions: [{ ...session, ...change }] });

  const rows: readonly (readonly [given: Export, says: string | RegExp, reason: string])[] = [
    [exportOf({ ghosts: [{ id: 1 }] }), /\n {2}line 6: it has "ghosts", a collection unknown /, 'a new row'],
    [
      withUser({ horoscope: '' }),
      /\n {2}line 3: it has "horoscope" of users, a field unknown /,
      'a new field',
    ],
    [exportOf({ next: { ghosts: 1 } }), /\n {2}line 1: it has "ghosts", a collection unknown /, 'a new id'],
    [exportOf({ next: null }), 'line 1: "next" must be an object', 'no next ids'],
    [exportOf({ next: [] }), 'line 1: "next" must be an object', 'a list in place of next ids'],
    [
      exportOf({ next: { users: '7' } }),
      `line 1: "next" of "users" must be an integer from 1 to ${COUNTER_GIVEN_MAX + 1}`,
      'a text for an id',
    ],
    [
      exportOf({ next: { users: 0 } }),
      `line 1: "next" of "users" must be an integer from 1 to ${COUNTER_GIVEN_MAX + 1}`,
      'below the first id',
    ],
    [
      exportOf({ next: { users: COUNTER_GIVEN_MAX + 2 } }),
      `line 1: "next" of "users" must be an integer from 1 to ${COUNTER_GIVEN_MAX + 1}`,
      'above the last',
    ],
    [
      exportOf({ next: { users: 5 } }),
      'line 3: "id" must be below "next", which is 5; got 5',
      'given out already',
    ],
    [exportOf({ users: [matt, zoe, 'tim'] }), 'line 4: a row must be an object', 'a text for a row'],
    [exportOf({ users: [matt, zoe, null] }), 'line 4: a row must be an object', 'null for a row'],
    [exportOf({ users: [matt, zoe, [1]] }), 'line 4: a row must be an object', 'a list for a row'],
    [withUser({ username: undefined }), 'line 3: "username" must be a text', 'a field missing'],
    [
      exportOf({ users: [matt, zoe, { ...zoe, id: '6' }] }),
      `line 4: "id" must be an integer from 1 to ${COUNTER_GIVEN_MAX}`,
      'a text for an id',
    ],
    [
      exportOf({ users: [matt, zoe, { ...zoe, id: 0 }] }),
      `line 4: "id" must be an integer from 1 to ${COUNTER_GIVEN_MAX}`,
      'no id of this store',
    ],
    [
      exportOf({ users: [matt, zoe, { ...zoe, id: 6.5 }] }),
      `line 4: "id" must be an integer from 1 to ${COUNTER_GIVEN_MAX}`,
      'half an id',
    ],
    [
      exportOf({ users: [matt, zoe, { ...zoe, id: 6, version: -1 }] }),
      `line 4: "version" must be an integer from 1 to ${COUNTER_GIVEN_MAX}`,
      'a version below the first',
    ],
    [
      exportOf({ users: [matt, zoe, { ...zoe, id: COUNTER_GIVEN_MAX + 1 }] }),
      `line 4: "id" must be an integer from 1 to ${COUNTER_GIVEN_MAX}`,
      'an id near the end',
    ],
    [
      withPost({ version: COUNTER_GIVEN_MAX + 1 }),
      `line 4: "version" must be an integer from 1 to ${COUNTER_GIVEN_MAX}`,
      'a version near the end, where it could not grow',
    ],
    [
      withSession({ generation: COUNTER_GIVEN_MAX + 1 }),
      `line 5: "generation" must be an integer from 0 to ${COUNTER_GIVEN_MAX}`,
      'a generation near the end',
    ],
    [
      withSession({ generation: -1 }),
      `line 5: "generation" must be an integer from 0 to ${COUNTER_GIVEN_MAX}`,
      'a generation below the first',
    ],
    [
      exportOf({ users: [matt, zoe, { ...zoe, id: 6, created: null }] }),
      'line 4: "created" must be milliseconds since the epoch',
      'no time',
    ],
    [
      exportOf({ users: [matt, zoe, { ...zoe, id: 6, username: '' }] }),
      'line 4: "username" must be 1 to 64 characters long',
      'no name',
    ],
    [
      exportOf({ users: [matt, zoe, { ...zoe, id: 6, username: ' tim' }] }),
      'line 4: "username" must not start or end with white space',
      'a name that no signup takes',
    ],
    [
      exportOf({ users: [matt, zoe, { ...zoe, id: 6, username: 'a\ud800' }] }),
      'line 4: "username" must not contain a lone surrogate',
      'half a character',
    ],
    [
      exportOf({ users: [matt, { ...zoe, id: 1 }], posts: [], next: {} }),
      'line 3: another row has the id 1',
      'an id twice',
    ],
    [
      exportOf({ users: [matt, zoe, { ...zoe, id: 6, username: 'ZOÉ' }], posts: [] }),
      'line 3: another row has the same username',
      'one name in two spellings',
    ],
    [
      exportOf({ users: [matt, zoe, { ...zoe, id: 6, username: 'ＭATT' }], sessions: [] }),
      'line 2: another row has the same username',
      'one name in two widths',
    ],
    [withPost({ user_id: 2 }), 'line 4: its owner, 2 of users, is not there', 'a post without an owner'],
    [
      withPost({ title: '' }),
      'line 4: "title" must be 1 to 200 characters long',
      'no title, which no request could have made',
    ],
    [
      withPost({ title: 'x'.repeat(201) }),
      'line 4: "title" must be 1 to 200 characters long',
      'a title that no request could have made',
    ],
    [
      withPost({ title: 'a\ud800' }),
      'line 4: "title" must not contain a lone surrogate',
      'half a character in a title',
    ],
    [
      withPost({ body: '\udc00' }),
      'line 4: "body" must not contain a lone surrogate',
      'half a character in a body',
    ],
    [
      exportOf({ users: [matt, zoe, { ...zoe, id: 6, password_hash: null }] }),
      'line 4: "password_hash" must be a text',
      'null for a hash',
    ],
    [withPost({ title: 7 }), 'line 4: "title" must be a text', 'a number for a text'],
    [
      withPost({ updated: '1' }),
      'line 4: "updated" must be milliseconds since the epoch',
      'a text for a number',
    ],
    [
      withPost({ updated: 8.64e15 + 1 }),
      'line 4: "updated" must be milliseconds since the epoch',
      'no date that can be shown',
    ],
    [withPost({ updated: 1.5 }), 'line 4: "updated" must be milliseconds since the epoch', 'a fraction'],
    [
      withSession({ user_id: 2 }),
      'line 5: its owner, 2 of users, is not there',
      'a session without an owner',
    ],
    [
      exportOf({ sessions: [session, { ...session, id: 2 }], next: {} }),
      'line 5: another row has the same sid',
      'one session twice',
    ],
    [
      withSession({ generation: true }),
      `line 5: "generation" must be an integer from 0 to ${COUNTER_GIVEN_MAX}`,
      'a boolean for a number',
    ],
  ];
  for (const [given, says, reason] of rows) {
    it(`names the place: ${reason}`, (t) =>
      refused(t, exportText(given), typeof says === 'string' ? problem(says) : says));
  }

  const hashes = [
    '',
    'foo',
    '$2b$10$abc',
    '$scrypt$ln=30,r=8,p=1$c2FsdA$aGFzaGhhc2hoYXNoaGFzaA',
    '$scrypt$ln=1,r=1,p=1$c2FsdA$',
    '$scrypt$ln=10,r=8,p=262144$c2FsdA$aGFzaGhhc2hoYXNoaGFzaA',
  ];
  for (const password_hash of hashes) {
    it(`rejects ${JSON.stringify(password_hash)} as a hash: no login could read it`, async (t) => {
      const given = exportOf({ users: [matt, zoe, { ...zoe, id: 6, password_hash }] });
      await refused(
        t,
        exportText(given),
        problem(
          'line 4: "password_hash" must be a scrypt hash in PHC format, with N · r · p of at most 2^21',
        ),
      );
    });
  }

  it('rejects hashes of a fourth cost: a failed login hashes at each cost in use', async (t) => {
    const usersAt = (...costs: number[]) =>
      costs.map((ln, index) => {
        const password_hash = FOO_HASH.replace('ln=1', `ln=${ln}`);
        return { ...userNamed(`user ${index}`), id: index + 1, version: 1, password_hash };
      });
    const export_ = (...costs: number[]) =>
      exportText(exportOf({ users: usersAt(...costs), posts: [], sessions: [] }));
    const wanted = 'must be at one of the first 3 costs of the export, since a failed login hashes at each';
    const reason = `line 6: "password_hash" ${wanted}; got ln=4,r=1,p=1`;
    await refused(t, export_(1, 2, 3, 1, 4, 2), problem(reason));
    const path = `${temporaryFolder(t)}/jot.jsonl`;
    assert.equal((await importInto(path, export_(1, 2, 3, 1, 2, 3))).code, 0);
  });

  it('rejects lines that are not rows of a collection', async (t) => {
    const text = exportText();
    const post = '{"posts":';
    const spoiled: readonly (readonly [line: string | RegExp, instead: string])[] = [
      [post, '{"posts":,'],
      [post, '[{"posts":'],
      [post, '{"users":{},"posts":'],
      [/\{"posts".*/, '{}'],
      [/\{"posts".*/, ''],
      [/\{"posts".*/, 'null'],
    ];
    for (const [line, instead] of spoiled) {
      await refused(
        t,
        text.replace(line, instead),
        /^Nothing was imported:\n {2}line 4: expected a row in JSON, /,
      );
    }
    const bytes = Buffer.from(text);
    bytes[text.indexOf('matt')] = 0xff;
    await refused(t, bytes, /^Nothing was imported:\n {2}line 2: expected a row in JSON, [^\n]*$/);
  });

  it('treats `__proto__` like any other name', async (t) => {
    const inRow = exportText().replace('"title":', '"__proto__":{"title":"inherited"},"untitled":');
    await refused(t, inRow, /\n {2}line 4: it has "__proto__" of posts, a field /);
    for (const name of ['__proto__', 'constructor']) {
      const line = exportText().replace('{"posts":', `{"${name}":`);
      await refused(t, line, new RegExp(`\n {2}line 4: it has "${name}", a collection `));
    }
  });

  it('rejects a newer schema, naming both numbers', async (t) => {
    const text = exportText();
    const withSchema = (schema: unknown) =>
      text.replace(/"schema":\d+/, `"schema":${JSON.stringify(schema)}`);
    const message = `its schema is number ${SCHEMA + 1}, and this Jot's is ${SCHEMA}`;
    await refused(t, withSchema(SCHEMA + 1), `The export was written by a newer Jot: ${message}`);
    for (const schema of ['0', null, -1, 0.5, SCHEMA + 0.5]) {
      await refused(t, withSchema(schema), /its "schema" is not an integer from 0/);
    }
    await importInto(`${temporaryFolder(t)}/jot.jsonl`, withSchema(SCHEMA));
  });

  it('rejects missing lines at the end, and added lines', async (t) => {
    const lines = exportText().split(/(?<=\n)/);
    const says = (count: number) =>
      problem(`line 1: "rows" must be the number of lines that follow, ${count}; is one missing?`);
    await refused(t, lines.slice(0, -1).join(''), says(3));
    await refused(t, lines.slice(0, 1).join(''), says(0));
    await refused(t, exportText().replace('"rows":4', '"rows":"4"'), says(4));
    await refused(t, exportText().replace('"rows":4', '"rows":3'), says(4));
  });

  it('names rows of version 1 by their number in the list', async (t) => {
    const given = JSON.parse(VERSION_1);
    given.users[2].id = '3';
    given.posts[0].title = '';
    const users = `users, number 3: "id" must be an integer from 1 to ${COUNTER_GIVEN_MAX}`;
    const posts = 'posts, number 1: "title" must be 1 to 200 characters long';
    await refused(t, JSON.stringify(given), problem(`${users}\n  ${posts}`));
  });

  it('prints twenty problems and counts the rest', async (t) => {
    const posts = Array.from({ length: 1_030 }, (_, index) => ({ ...post, id: index + 1, user_id: 2 }));
    const folder = temporaryFolder(t);
    const given = exportText(exportOf({ posts, next: {} }));
    await assert.rejects(importInto(`${folder}/jot.jsonl`, given), (error: Error) => {
      const lines = error.message.split('\n');
      assert.equal(lines.length, 1 + 20 + 1);
      assert.equal(lines[20], '  line 23: its owner, 2 of users, is not there');
      assert.equal(lines[21], '  and 1,010 more');
      return true;
    });
  });
});

describe('jot import: the target', () => {
  const text = exportText();

  it('rejects a store with rows and leaves it as it is', async (t) => {
    const path = dataFile(t, linesWithUsers('tim').join(''));
    const before = traceOf(path);
    const message = `There are rows in ${path} already; an import needs an empty one`;
    await rejects(importInto(path, text), 'conflict', message);
    assert.deepEqual(traceOf(path), before);
  });

  it('accepts an empty store, and never assigns its ids again', async (t) => {
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

  it('accepts an empty file', async (t) => {
    const path = dataFile(t, '');
    await importInto(path, text);
    assert.equal((await contentsOf(path)).rows.users.length, 2);
  });

  it('leaves an empty store as it is if the export is invalid', async (t) => {
    const path = dataFile(t, linesWith().join(''));
    const before = traceOf(path);
    await rejects(importInto(path, text.replace('jot-export', 'jot')), 'bad_request');
    await rejects(importInto(path, text.slice(0, -2)), 'validation_failed');
    assert.deepEqual(traceOf(path), before);
  });

  it('rejects a damaged file, naming the place, and leaves it', async (t) => {
    const [header = '', first = '', second = ''] = linesWithUsers('matt', 'elie');
    const path = dataFile(t, header + first.replace('matt', 'Matt') + second);
    const before = traceOf(path);
    const where = `line 2, byte ${header.length}: its checksum does not match`;
    await rejects(importInto(path, text), 'unavailable', `The data file ${path} is damaged at ${where}`);
    assert.deepEqual(traceOf(path), before);
  });

  it('rejects a file in use without reading standard input', async (t) => {
    const path = `${temporaryFolder(t)}/jot.jsonl`;
    await openFor(t, `file:${path}`);
    const input = Readable.from([Buffer.from(text)]);
    const message = `The data file ${path} is in use by process ${process.pid}; stop it first`;
    await rejects(importInto(path, input), 'unavailable', message);
    assert.equal(input.readableDidRead, false);
  });

  it('rejects a store in memory', async () => {
    const settings = { DATABASE_URL: 'memory:' };
    await rejects(runCommand(importRows, [], { settings, stdin: text }), 'unavailable');
  });
});

describe('jot import: the input', () => {
  it('rejects a terminal', async () => {
    const world = createWorld();
    const stdin = Object.assign(Readable.from([]), { isTTY: true });
    await assert.rejects(runIn({ ...world, stdin }, importRows, []), (error) => error instanceof UsageError);
  });

  it('rejects a file name, which would name the data file', async () => {
    await assert.rejects(runCommand(importRows, ['export.jsonl']), (error) => error instanceof UsageError);
  });

  it('leaves nothing if the input fails, and does not blame the data file', async (t) => {
    async function* failing() {
      yield Buffer.from('{"format":');
      throw Object.assign(new Error('EISDIR: illegal operation on a directory, read'), { code: 'EISDIR' });
    }
    const path = `${temporaryFolder(t)}/jot.jsonl`;
    const message = 'EISDIR: illegal operation on a directory, read';
    await assert.rejects(importInto(path, Readable.from(failing())), { code: 'EISDIR', message });
    assert.equal(existsSync(path), false);
  });

  it('rejects empty input', async (t) => {
    const message = /line 1 is not a header/;
    for (const none of [Readable.from([]), Readable.from([Buffer.alloc(0)])]) await refused(t, none, message);
  });

  it('rejects the banner of npm at the beginning', async (t) => {
    const banner = '\n> jot@0.1.0 jot\n> exec node scripts/run.mjs src/main.ts export\n\n';
    await refused(
      t,
      banner + exportText(),
      /line 1 is not a header; export with "npm run -s jot -- export"$/,
    );
  });

  it('removes the unfinished file of an interrupted import', async (t) => {
    const folder = temporaryFolder(t);
    writeFileSync(`${folder}/.jot.jsonl.new`, 'half of a data file');
    await importInto(`${folder}/jot.jsonl`, exportText());
    assert.equal(existsSync(`${folder}/.jot.jsonl.new`), false);
  });
});
