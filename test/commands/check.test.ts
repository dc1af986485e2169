import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readdirSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { check } from '../../src/commands/check.ts';
import { encodeChange, HEADER_BYTES } from '../../src/store/file/record.ts';
import { SCHEMA } from '../../src/store/lift.ts';
import type { Change } from '../../src/store/memory/tables.ts';
import type { Post, User } from '../../src/store/open.ts';
import { dataFile, traceOf } from '../support/disk/data-files.ts';
import { linesWith, linesWithSnapshot, linesWithUsers, sealedLine, TIME } from '../support/disk/records.ts';
import { openFor, postOf, rejects, userNamed } from '../support/disk/stores.ts';
import { temporaryFolder } from '../support/disk/temporary-folder.ts';
import { type Outcome, runCommand, withoutOthers } from '../support/process/world.ts';

const NOT_JOT =
  'is not a Jot data file, or damaged at line 1, byte 0: it does not begin with {"format":"jot"';
const HINT =
  '`jot repair` keeps all that can be read. It drops rows of a wrong shape only with --drop-rows.\n';

/** Checks a file of its own with this content, and that nothing about it has changed. */
async function checked(t: TestContext, content: string | Uint8Array): Promise<Outcome & { path: string }> {
  const path = dataFile(t, content);
  const before = traceOf(path);
  const { code, stdout, stderr } = await runCommand(check, [path]);
  assert.deepEqual(traceOf(path), before, 'nothing has changed');
  return { code, stdout: withoutOthers(stdout), stderr, path };
}

async function finds(
  t: TestContext,
  content: string | Uint8Array,
  where: string,
  why: string,
  output: string,
): Promise<void> {
  const { code, stdout, stderr, path } = await checked(t, content);
  assert.equal(stderr, `jot: The data file ${path} is damaged at ${where}: ${why}\n`);
  assert.deepEqual([stdout, code], [output, 1]);
}

const users = ['matt', 'elie', 'tim'].map(
  (username, index): User => ({ id: index + 1, version: 1, ...userNamed(username) }),
);

describe('jot check of a sound file', () => {
  it('prints the number of rows, and the share that is dead', async (t) => {
    const post: Post = { id: 1, version: 1, ...postOf(1) };
    const changed: Post = { ...post, version: 2, title: 'Another' };
    const lines = linesWith(
      [{ put: 'users', row: users[0] as User }],
      [{ put: 'posts', row: post }],
      [{ put: 'posts', row: changed }],
    );
    const content = lines.join('');
    // What a compacted file would hold: its first line, and a line of a snapshot for each of the two rows.
    const rows = [
      { put: 'users', row: users[0] },
      { put: 'posts', row: changed },
    ];
    const alive = rows.map((put, index) => sealedLine({ snapshot: index + 1, changes: [put] }).length);
    const aliveBytes = alive.reduce((sum, bytes) => sum + bytes, HEADER_BYTES);
    const share = Math.round((100 * (content.length - aliveBytes)) / content.length);
    assert.ok(share > 10 && share < 60, `${share}`);

    const { code, stdout, stderr, path } = await checked(t, content);
    const counts = '1 user, 1 post, 0 sessions; last change 3';
    const expected = `${path}: no damage\n${counts}; ${content.length.toLocaleString('en-US')} bytes, ${share} % of them dead\n`;
    assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: expected, stderr: '' });
  });

  it('finds nothing dead in a file that was just compacted', async (t) => {
    const path = `${temporaryFolder(t)}/jot.jsonl`;
    const store = await openFor(t, `file:${path}`);
    await store.users.create(userNamed('zoé'));
    await store.users.update(1, { username: 'zoë' });
    await store.compact();
    await store.close();
    const { stdout } = await runCommand(check, [path]);
    assert.match(stdout, /; last change 2; [\d,]+ bytes, 0 % of them dead\n$/);
  });

  it('reads the file of the settings by default', async (t) => {
    const path = dataFile(t, linesWithUsers('matt').join(''));
    const { stdout } = await runCommand(check, [], { settings: { DATABASE_URL: `file:${path}` } });
    assert.ok(stdout.startsWith(`${path}: no damage\n1 user, `), stdout);
  });

  it('accepts an empty file', async (t) => {
    const { code, stdout, path } = await checked(t, '');
    const next = 'the next start makes it a new data file, so restore a backup first if it had data';
    assert.deepEqual([code, stdout], [0, `${path}: empty; ${next}\n`]);
  });

  it('reads a read-only file in a read-only folder', async (t) => {
    const path = dataFile(t, linesWithUsers('matt').join(''));
    const folder = path.replace(/\/[^/]+$/, '');
    chmodSync(path, 0o400);
    chmodSync(folder, 0o500);
    const { code } = await runCommand(check, [path]).finally(() => chmodSync(folder, 0o700));
    assert.equal(code, 0);
  });

  it('reports an unfinished end, which is no damage', async (t) => {
    const lines = linesWithUsers('matt', 'elie');
    const content = Buffer.from(lines.join(''));
    const goodBytes = lines.slice(0, 2).join('').length;
    for (const length of [goodBytes + 1, goodBytes + 40, content.length - 1]) {
      const { code, stdout } = await checked(t, content.subarray(0, length));
      const bytes = length - goodBytes === 1 ? '1 byte' : `${length - goodBytes} bytes`;
      assert.equal(code, 0);
      assert.match(stdout, /: no damage\n1 user, 0 posts, 0 sessions; last change 1;/);
      assert.ok(
        stdout.endsWith(`\nat the end ${bytes} of an incomplete change: the next start sets them aside\n`),
        stdout,
      );
    }
    assert.doesNotMatch((await checked(t, content)).stdout, /unfinished/);
  });
});

describe('jot check of a damaged file', () => {
  const lines = linesWithUsers('matt', 'elie', 'tim');
  const [header = '', first = '', second = '', third = ''] = lines;
  const mismatch = 'its checksum does not match';

  it('names the line and the byte, and counts the rows before them', async (t) => {
    const before = (counts: string) => `before that place: ${counts}, 0 posts, 0 sessions\n${HINT}`;
    const broken = second.replace('elie', 'Elie');
    const byte = `byte ${(header + first).length}`;
    await finds(t, header + first + broken + third, `line 3, ${byte}`, mismatch, before('1 user'));
    const gap = 'it is change 3 where 2 should be';
    await finds(t, header + first + third, `line 3, ${byte}`, gap, before('1 user'));
    const headerBroken = header.replace('"seq":0', '"seq":1');
    await finds(t, headerBroken + first, 'line 1, byte 0', mismatch, before('0 users'));
    const snapshot = linesWithSnapshot(users);
    const place = snapshot.slice(0, 3).join('').length;
    snapshot[3] = (snapshot[3] ?? '').replace('tim', 'Tim');
    await finds(t, snapshot.join(''), `line 4, byte ${place}`, mismatch, before('2 users'));
    const short = snapshot.slice(0, 3).join('');
    await finds(t, short, `line 4, byte ${place}`, 'it ends too early', before('2 users'));
  });

  it('does not report a newer file as damaged', async (t) => {
    const [newer, spoilt] = [3, 4].map((version) =>
      sealedLine({ format: 'jot', version, schema: SCHEMA + 1, seq: 0, next: {} }),
    );
    const path = dataFile(t, newer + first);
    const message = `The data file ${path} was written by a newer Jot: its schema is number ${SCHEMA + 1}, and this Jot's is ${SCHEMA} (line 1, byte 0)`;
    await rejects(runCommand(check, [path]), 'unavailable', message);
    await assert.rejects(runCommand(check, [dataFile(t, spoilt?.replace(':0', ':1') + first)]), {
      message: /is of another version, or damaged at line 1, byte 0: its format is version 4/,
    });
  });

  it('prints how a data file begins if the file is not one, and suggests no repair', async (t) => {
    for (const content of [
      'Dear diary,\n',
      '{\n  "name": "jot"\n}\n',
      '[{"id":1}]',
      '{"format":"jot-export"}',
    ]) {
      const { code, stdout, stderr, path } = await checked(t, content);
      assert.deepEqual([code, stdout, stderr], [1, '', `jot: ${path} ${NOT_JOT}\n`]);
    }
  });
});

describe('jot check of rows that cannot be there', () => {
  const [matt, elie] = users as [User, User];
  const post: Post = { id: 3, version: 1, ...postOf(1) };
  const orphan: Post = { ...post, user_id: 9 };
  const namesake: User = { ...elie, username: 'MATT' };
  const timeless: Post = { ...post, created: 8.64e15 + 1 };
  const rows: readonly (readonly [changes: Change, found: string, reason: string])[] = [
    [
      [{ put: 'posts', row: orphan }],
      'row 3 of posts: its owner, 9 of users, is not there',
      'an owner is missing',
    ],
    [
      [{ put: 'users', row: namesake }],
      'row 1 of users: another row has the same username',
      'a key collides',
    ],
    [
      [{ put: 'posts', row: timeless }],
      'row 3 of posts: "created" must be milliseconds since the epoch',
      'a field is none of its kind',
    ],
    [
      [{ put: 'posts', row: { ...post, version: Number.MAX_SAFE_INTEGER } }],
      `row 3 of posts: "version" must be an integer from 1 to ${2 ** 52}`,
      'a version can never change again',
    ],
  ];
  for (const [change, found, reason] of rows) {
    it(`names them, though every checksum is right: ${reason}`, async (t) => {
      const lines = linesWith([{ put: 'users', row: matt }], change);
      const { code, stdout, stderr, path } = await checked(t, lines.join(''));
      assert.equal(stderr, `jot: The data file ${path} has 1 row that cannot be right:\n  ${found}\n`);
      assert.match(
        stdout,
        /^\d users?, \d posts?, 0 sessions\n`jot repair(?: --drop-rows)?` drops them\.\n$/,
      );
      assert.equal(code, 1);
      await openFor(t, `file:${path}`);
    });
  }

  it('names users whose password hash never verifies, and the command that replaces it', async (t) => {
    const expensive = '$scrypt$ln=10,r=8,p=262144$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA';
    const changes = ['$2b$12$abc', expensive, matt.password_hash].map((password_hash, index): Change => {
      const row: User = { ...matt, id: index + 1, username: `user ${index}`, password_hash };
      return [{ put: 'users', row }];
    });
    const { code, stdout, stderr, path } = await checked(t, linesWith(...changes).join(''));
    const reason = 'its password hash is malformed or too expensive, so the user cannot sign in';
    const rows = [1, 2].map((id) => `  row ${id} of users: ${reason}\n`).join('');
    assert.equal(stderr, `jot: The data file ${path} has 2 rows that cannot be right:\n${rows}`);
    const remedy = '`jot user password <username>` replaces the hash; `jot user list` shows the usernames.';
    assert.equal(stdout, `3 users, 0 posts, 0 sessions\n${remedy}\n`);
    assert.equal(code, 1);
  });

  it('accepts the same rows where they fit', async (t) => {
    const lines = linesWith(
      [{ put: 'users', row: matt }],
      [{ put: 'users', row: elie }],
      [{ put: 'posts', row: post }],
    );
    assert.equal((await checked(t, lines.join(''))).code, 0);
  });

  it('prints twenty of them and counts the rest', async (t) => {
    const lines = linesWith(
      Array.from({ length: 1_030 }, (_, index) => ({ put: 'posts', row: { ...post, id: index + 1 } })),
    );
    const { stderr } = await checked(t, lines.join(''));
    assert.deepEqual(stderr.split('\n').slice(20), [
      '  row 20 of posts: its owner, 1 of users, is not there',
      'and 1,010 more',
      '',
    ]);
  });
});

describe('jot check of an unreadable file', () => {
  it('prints one sentence, and creates nothing', async (t) => {
    const folder = temporaryFolder(t);
    mkdirSync(`${folder}/folder`);
    const rows = [
      [
        `${folder}/none.jsonl`,
        /^jot: There is no data file \S+none\.jsonl; a start of the server makes the one that DATABASE_URL names\n$/,
      ],
      [`${folder}/none/jot.jsonl`, /^jot: There is no data file \S+none\/jot\.jsonl; [^\n]+\n$/],
      [`${folder}/folder`, /^jot: Can't open the data file \S+folder: it is not a file, [^\n]+\n$/],
    ] as const;
    const before = readdirSync(folder);
    for (const [path, message] of rows) {
      const { code, stdout, stderr } = await runCommand(check, [path]);
      assert.deepEqual([code, stdout], [1, '']);
      assert.match(stderr, message);
    }
    assert.deepEqual(readdirSync(folder), before);
  });

  const options = process.getuid?.() === 0 ? { skip: 'root may read everything' } : {};
  it('prints one sentence if permission is denied', options, async (t) => {
    const path = dataFile(t, linesWithUsers('matt').join(''));
    chmodSync(path, 0);
    const { code, stderr } = await runCommand(check, [path]);
    assert.equal(code, 1);
    assert.match(stderr, /^jot: Can't open the data file \S+: EACCES: [^\n]+\n$/);
  });
});

describe('jot check of the file of a running server', () => {
  it('never reports damage, whatever is written and compacted meanwhile', async (t) => {
    const path = `${temporaryFolder(t)}/jot.jsonl`;
    const store = await openFor(t, `file:${path}`);
    await store.users.create(userNamed('matt'));
    let isOver = false;
    const write = async () => {
      for (let count = 0; !isOver; count++) {
        await store.posts.create({ ...postOf(1), body: 'x'.repeat((count % 40) * 1_000) });
        if (count % 50 === 49) await store.compact();
      }
    };
    const writing = Promise.all([write(), write(), write()]);
    let last = -1;
    try {
      for (let checks = 0; checks < 40; checks++) {
        const { code, stdout, stderr } = await runCommand(check, [path]);
        assert.deepEqual([code, stderr], [0, ''], stdout);
        const seq = Number(/last change (\d+);/.exec(stdout)?.[1]);
        assert.ok(seq >= last, `${seq} after ${last}`);
        last = seq;
      }
    } finally {
      isOver = true;
      await writing;
    }
    assert.ok(last > 1, `${last}`);
  });

  it('would detect damage there too', async (t) => {
    const [header = '', first = '', second = ''] = linesWithUsers('matt', 'elie');
    const later = encodeChange({ seq: 3, time: TIME, changes: [] });
    assert.equal((await checked(t, header + first + second.replace('elie', 'Elie') + later)).code, 1);
  });
});
