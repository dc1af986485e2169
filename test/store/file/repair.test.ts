import assert from 'node:assert/strict';
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { check } from '../../../src/commands/check.ts';
import { collectionNames } from '../../../src/store/collections.ts';
import { type DataFile, type FileSystem, realFileSystem } from '../../../src/store/file/file-system.ts';
import { readDataFile } from '../../../src/store/file/offline.ts';
import { encodeChange } from '../../../src/store/file/record.ts';
import { type Repair, repairDataFile } from '../../../src/store/file/repair.ts';
import { misfitsIn } from '../../../src/store/integrity.ts';
import type { Post, Session, User } from '../../../src/store/open.ts';
import type { Change } from '../../../src/store/tables.ts';
import { type Contents, contentsOf, dataFile, traceOf } from '../../support/data-files.ts';
import { systemError } from '../../support/faulty-file-system.ts';
import { seededRandom } from '../../support/random.ts';
import { randomHistory, shown } from '../../support/random-history.ts';
import { linesWith, linesWithSnapshot, linesWithUsers, sealedLine, TIME } from '../../support/records.ts';
import { openFor, postOf, rejects, sessionOf, userNamed } from '../../support/stores.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { runCommand } from '../../support/world.ts';

const ASIDE = 'jot.jsonl.damaged-2026-11-23T123513.000Z';
const MISMATCH = 'its checksum does not match';
const ROUNDS = 400;

const now = () => TIME;

function userOf(id: number, username: string, version = 1): User {
  return { id, version, ...userNamed(username) };
}

interface Repaired {
  readonly path: string;
  readonly repair: Repair;
  readonly contents: Contents;
}

/** Repairs a file of its own with these lines, and holds what must be so whatever the damage is. */
async function repaired(t: TestContext, content: string | Uint8Array): Promise<Repaired> {
  const path = dataFile(t, content);
  const repair = await repairDataFile(path, { now });
  assert.ok(repair !== null, 'there is no damage');
  assert.deepEqual(readdirSync(dirname(path)).sort(), ['jot.jsonl', ASIDE]);
  assert.equal(repair.original, `${dirname(path)}/${ASIDE}`);
  assert.deepEqual(
    readFileSync(repair.original),
    Buffer.from(content),
    'the damaged one is kept byte for byte',
  );
  assert.equal((statSync(repair.original).mode & 0o777).toString(8), '600');
  assert.equal((await runCommand(check, [path])).code, 0);
  assert.equal(await repairDataFile(path, { now }), null, 'and nothing is left to repair');
  return { path, repair, contents: await contentsOf(path) };
}

function namesOf({ contents }: Repaired): string[] {
  return contents.rows.users.map((user) => (user as User).username);
}

function lossesOf({ repair }: Repaired): string[] {
  return repair.losses.map(({ line, reason }) => `${line}: ${reason}`);
}

describe('repairDataFile of changes', () => {
  const post: Post = { id: 1, version: 1, ...postOf(2) };
  const session: Session = { id: 1, version: 1, ...sessionOf(1, 'one') };
  const lines = linesWith(
    [{ put: 'users', row: userOf(1, 'matt') }],
    [{ put: 'users', row: userOf(2, 'elie') }],
    [{ put: 'posts', row: post }],
    [{ put: 'sessions', row: session }],
    [{ put: 'users', row: userOf(3, 'tim') }],
  );
  const [header = '', matt = '', elie = '', written = '', login = '', tim = ''] = lines;
  const broken = elie.replace('elie', 'Elie');

  it('drops a line that is not whole, keeps those behind it, and tells where and why', async (t) => {
    const result = await repaired(t, header + matt + broken + login + tim);
    const byte = header.length + matt.length;
    assert.deepEqual(result.repair.losses, [
      { line: 3, byte, reason: MISMATCH },
      { line: 4, byte: byte + broken.length, reason: 'changes 2 to 3 are not here' },
    ]);
    assert.equal(result.repair.lines, 5);
    assert.deepEqual(namesOf(result), ['matt', 'tim']);
  });

  it('drops rows whose owner is gone with what is lost', async (t) => {
    const result = await repaired(t, header + matt + broken + written + login + tim);
    assert.deepEqual(lossesOf(result), [`3: ${MISMATCH}`, '4: change 2 is not here']);
    assert.deepEqual(result.repair.misfits, [
      { name: 'posts', row: post, reason: 'its owner, 2 of users, is not there' },
    ]);
    assert.deepEqual(result.contents.rows.posts, []);
  });

  it('ends every session: what is lost may have been a logout', async (t) => {
    const result = await repaired(t, header + matt + broken + written + login + tim);
    assert.equal(result.repair.sessionsEnded, 1);
    assert.deepEqual(result.contents.rows.sessions, []);
  });

  it('gives no id out again that what is lost may have given out', async (t) => {
    const { path, contents } = await repaired(t, header + matt + broken + written + login + tim);
    assert.deepEqual(contents.next, { users: 3_004, posts: 3_002, sessions: 3_002 });
    const store = await openFor(t, `file:${path}`);
    assert.equal((await store.users.create(userNamed('new'))).id, 3_004);
    assert.equal((await store.posts.create(postOf(1))).id, 3_002);
    await store.users.remove(1);
    await store.close();
    assert.deepEqual(
      (await contentsOf(path)).rows.users.map(({ id }) => id),
      [3, 3_004],
    );
  });

  const kinds: readonly (readonly [reason: string, content: string, losses: string[], names: string[]])[] = [
    [
      'a line is missing',
      header + matt + written + tim,
      ['3: change 2 is not here', '4: change 4 is not here'],
      ['matt', 'tim'],
    ],
    [
      'a line is there twice',
      header + matt + matt + elie + written + login + tim,
      ['3: change 1 comes behind change 1'],
      ['matt', 'elie', 'tim'],
    ],
    [
      'lines have changed places: the later one counts',
      header + elie + matt + written + login + tim,
      ['2: change 1 is not here', '3: change 1 comes behind change 2'],
      ['elie', 'tim'],
    ],
    [
      'there is an empty line',
      `${header}${matt}\n${elie}${written}${login}${tim}`,
      [`3: ${MISMATCH}`],
      ['matt', 'elie', 'tim'],
    ],
    [
      'there is text in between',
      `${header}${matt}Dear diary,\n${elie}${written}`,
      [`3: ${MISMATCH}`],
      ['matt', 'elie'],
    ],
    [
      'there are zeros in between',
      `${header}${matt}${'\0'.repeat(512)}\n${elie}${written}`,
      [`3: ${MISMATCH}`],
      ['matt', 'elie'],
    ],
    [
      'another data file follows',
      header + matt + elie + header + matt,
      ['4: its "seq" must be an integer from 1, not 0', '5: change 1 comes behind change 2'],
      ['matt', 'elie'],
    ],
    ['the first line is missing', matt + elie + written, ['1: the first line is not here'], ['matt', 'elie']],
    [
      'the first line is damaged',
      header.replace('"seq":0', '"seq":9') + matt + elie,
      [`1: ${MISMATCH}`],
      ['matt', 'elie'],
    ],
    [
      'the first line has another beginning',
      `x${header}${matt}${elie}`,
      [`1: ${MISMATCH}`],
      ['matt', 'elie'],
    ],
    [
      'the first line is of something else',
      header.replace('"jot"', '"tin"') + matt,
      ['1: it is not a Jot data file'],
      ['matt'],
    ],
    ['the first lines are missing', elie + written, ['1: the first line is not here'], ['elie']],
    [
      'a line is whole, but about something that there is not',
      header + matt + sealedLine({ seq: 2, time: TIME, changes: [{ remove: 'comments', id: 1 }] }) + written,
      ['3: it is about "comments", a collection that this Jot does not have', '4: change 2 is not here'],
      ['matt'],
    ],
    [
      'a line is whole, but its row is none',
      `${header}x\n${sealedLine({ seq: 2, time: TIME, changes: [{ put: 'users', row: { id: 2, version: 1 } }] })}${tim}`,
      [
        `2: ${MISMATCH}`,
        '3: a row of users is not valid: "username" must be a text',
        '4: changes 1 to 4 are not here',
      ],
      ['tim'],
    ],
    [
      'the end is torn as well',
      header + matt + broken + written + tim.slice(0, -9),
      [`3: ${MISMATCH}`, '4: change 2 is not here', `5: ${MISMATCH}`],
      ['matt'],
    ],
  ];
  for (const [reason, content, losses, names] of kinds) {
    it(`keeps what is whole when ${reason}`, async (t) => {
      const result = await repaired(t, content);
      assert.deepEqual(lossesOf(result), losses);
      assert.deepEqual(namesOf(result), names);
    });
  }

  it('without the first line goes on far above every id that is there', async (t) => {
    const later = encodeChange({
      seq: 5_000_000,
      time: TIME,
      changes: [{ put: 'users', row: userOf(7, 'zoé') }],
    });
    const { contents } = await repaired(t, later);
    assert.deepEqual(contents.next, { users: 6_001_008, posts: 6_001_001, sessions: 6_001_001 });
  });

  it('keeps the number of the last change', async (t) => {
    const { path } = await repaired(t, header + matt + broken + written + login + tim);
    assert.equal((await readDataFile(path)).seq, 5);
  });
});

describe('repairDataFile of a snapshot', () => {
  const rows = ['matt', 'elie', 'tim'].map((username, index) => userOf(index + 1, username));
  const lines = linesWithSnapshot(rows);
  const [header = '', matt = '', elie = '', tim = '', change = ''] = lines;

  const kinds: readonly (readonly [reason: string, content: string, losses: string[], names: string[]])[] = [
    [
      'a line of it is damaged',
      header + matt + elie.replace('elie', 'Elie') + tim + change,
      [`3: ${MISMATCH}`, '4: line 2 of the snapshot is not here'],
      ['matt', 'tim'],
    ],
    [
      'a line of it is missing',
      header + matt + tim + change,
      ['3: line 2 of the snapshot is not here'],
      ['matt', 'tim'],
    ],
    [
      'its first lines are missing',
      header + tim + change,
      ['2: lines 1 to 2 of the snapshot are not here'],
      ['tim'],
    ],
    [
      'its last line is missing',
      header + matt + elie + change,
      ['4: line 3 of the snapshot is not here'],
      ['matt', 'elie'],
    ],
    [
      'a line of it is there twice',
      header + matt + matt + elie + tim + change,
      ['3: line 1 of the snapshot is here again'],
      ['matt', 'elie', 'tim'],
    ],
    [
      'lines of it have changed places',
      header + elie + matt + tim + change,
      ['2: line 1 of the snapshot is not here'],
      ['matt', 'elie', 'tim'],
    ],
    [
      'a line of it comes behind a change',
      header + matt + tim + change + elie,
      ['3: line 2 of the snapshot is not here', '5: line 2 of the snapshot comes behind a change'],
      ['matt', 'tim'],
    ],
    [
      'it ends in the middle',
      header + matt,
      ['2: lines 2 to 3 of the snapshot are not here', '2: change 41 is not here'],
      ['matt'],
    ],
    [
      'the changes are missing that it came with',
      header + matt + elie + tim,
      ['4: change 41 is not here'],
      ['matt', 'elie', 'tim'],
    ],
    [
      'the first line is missing',
      matt + elie + tim + change,
      ['1: the first line is not here'],
      ['matt', 'elie', 'tim'],
    ],
  ];
  for (const [reason, content, losses, names] of kinds) {
    it(`keeps what is whole when ${reason}`, async (t) => {
      const result = await repaired(t, content);
      assert.deepEqual(lossesOf(result), losses);
      assert.deepEqual(namesOf(result), names);
    });
  }

  it('remembers the ids of rows that were gone before it', async (t) => {
    const { contents } = await repaired(t, header + matt + tim + change);
    assert.equal(contents.next.users, 9 + 1_000);
  });

  it('lets no old row come back behind the change that removed it', async (t) => {
    const old = sealedLine({ snapshot: 2, changes: [{ put: 'users', row: userOf(8, 'gone') }] });
    const result = await repaired(t, header + matt + elie + tim + change + old);
    assert.deepEqual(namesOf(result), ['matt', 'elie', 'tim']);
  });
});

describe('repairDataFile where two rows have one name', () => {
  // In each, the change is lost that made room for the name.
  const rows: readonly (readonly [reason: string, changes: Change[], names: string[], gone: number[]])[] = [
    [
      'keeps the one that was written later',
      [[{ put: 'users', row: userOf(1, 'matt') }], [{ put: 'users', row: userOf(2, 'MATT') }]],
      ['MATT'],
      [1],
    ],
    [
      'keeps the one that was renamed later, though its id is lower',
      [
        [{ put: 'users', row: userOf(1, 'elie') }],
        [{ put: 'users', row: userOf(2, 'matt') }],
        [{ put: 'users', row: userOf(1, 'matt', 2) }],
      ],
      ['matt'],
      [2],
    ],
    [
      'keeps both when the later one has given it up again',
      [
        [{ put: 'users', row: userOf(1, 'matt') }],
        [{ put: 'users', row: userOf(2, 'matt') }],
        [{ put: 'users', row: userOf(2, 'elie', 2) }],
      ],
      ['matt', 'elie'],
      [],
    ],
    [
      'notices two also when a third has given it up again',
      [
        [{ put: 'users', row: userOf(1, 'matt') }],
        [{ put: 'users', row: userOf(2, 'matt') }],
        [{ put: 'users', row: userOf(3, 'matt') }],
        [{ put: 'users', row: userOf(3, 'tim', 2) }],
      ],
      ['matt', 'tim'],
      [1],
    ],
  ];
  for (const [reason, changes, names, gone] of rows) {
    it(reason, async (t) => {
      const [header = '', ...lines] = linesWith(...changes);
      const result = await repaired(t, `${header}lost\n${lines.join('')}`);
      assert.deepEqual(namesOf(result), names);
      assert.deepEqual(
        result.repair.misfits.map(({ row }) => row.id),
        gone,
      );
      const store = await openFor(t, `file:${result.path}`);
      await rejects(store.users.create(userNamed('Matt')), 'conflict');
    });
  }

  it('drops what belongs to the one that goes', async (t) => {
    const [header = '', ...lines] = linesWith(
      [{ put: 'users', row: userOf(1, 'matt') }],
      [{ put: 'posts', row: { id: 1, version: 1, ...postOf(1) } }],
      [{ put: 'users', row: userOf(2, 'matt') }],
    );
    const { contents, repair } = await repaired(t, `${header}lost\n${lines.join('')}`);
    assert.deepEqual(contents.rows.posts, []);
    assert.deepEqual(
      repair.misfits.map(({ name, reason }) => `${name}: ${reason}`),
      ['users: another row has the same username', 'posts: its owner, 1 of users, is not there'],
    );
  });
});

describe('repairDataFile has nothing to do', () => {
  const lines = linesWithUsers('matt', 'elie');
  const rows: readonly (readonly [reason: string, content: string])[] = [
    ['for a sound file', lines.join('')],
    ['for an empty one', ''],
    ['for one with an end that is not finished: every start sets that aside', lines.join('').slice(0, -9)],
  ];
  for (const [reason, content] of rows) {
    it(`${reason}, and leaves it as it is`, async (t) => {
      const path = dataFile(t, content);
      const before = traceOf(path);
      assert.equal(await repairDataFile(path, { now }), null);
      assert.deepEqual(traceOf(path), before);
    });
  }
});

describe('repairDataFile refuses', () => {
  const [header = '', first = '', second = ''] = linesWithUsers('matt', 'elie');
  const damaged = header + first.replace('matt', 'Matt') + second;

  const rows: readonly (readonly [reason: string, content: string | Uint8Array, why: string])[] = [
    [
      'a file with nothing in it that can be read',
      'Dear diary,\nnothing happened.\n',
      'nothing in it can be read',
    ],
    [
      'a picture',
      Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 10, 255]),
      'nothing in it can be read',
    ],
    [
      'a file of which only the first line is left',
      `${linesWithSnapshot([userOf(1, 'matt')])[0]}`,
      'nothing in it can be read',
    ],
    [
      'a newer version, that may mean something else by the same words',
      sealedLine({ format: 'jot', version: 3, seq: 0, next: {} }) + first,
      'its format is version 3, and this Jot reads version 1 and 2',
    ],
  ];
  for (const [reason, content, why] of rows) {
    it(`${reason}, and leaves it as it is`, async (t) => {
      const path = dataFile(t, content);
      const before = traceOf(path);
      await rejects(
        repairDataFile(path, { now }),
        'unavailable',
        `The data file ${path} can't be repaired: ${why}`,
      );
      assert.deepEqual(traceOf(path), before);
    });
  }

  it('a file that is not there, and makes nothing', async (t) => {
    const folder = temporaryFolder(t);
    for (const path of [`${folder}/jot.jsonl`, `${folder}/none/jot.jsonl`]) {
      await rejects(repairDataFile(path, { now }), 'unavailable');
    }
    mkdirSync(`${folder}/folder`);
    await rejects(repairDataFile(`${folder}/folder`, { now }), 'unavailable');
    assert.deepEqual(readdirSync(folder), ['folder']);
  });

  it('a file that a server has', async (t) => {
    const path = `${temporaryFolder(t)}/jot.jsonl`;
    const store = await openFor(t, `file:${path}`);
    const message = `The data file ${path} is in use by process ${process.pid}; stop it first`;
    await rejects(repairDataFile(path, { now }), 'unavailable', message);
    await store.close();
    assert.equal(await repairDataFile(path, { now }), null);
  });

  it('to write over a damaged file that was kept before', async (t) => {
    const path = dataFile(t, damaged);
    writeFileSync(`${dirname(path)}/${ASIDE}`, 'kept');
    const before = traceOf(path);
    await rejects(repairDataFile(path, { now }), 'unavailable');
    assert.deepEqual(traceOf(path), before);
    assert.equal(readFileSync(`${dirname(path)}/${ASIDE}`, 'utf8'), 'kept');
  });

  it('nothing else: through a link it repairs the file that the link leads to', async (t) => {
    const path = dataFile(t, damaged);
    const link = `${temporaryFolder(t)}/link.jsonl`;
    symlinkSync(path, link);
    chmodSync(path, 0o600);
    assert.equal((await repairDataFile(link, { now }))?.original, `${dirname(path)}/${ASIDE}`);
    assert.equal((await runCommand(check, [path])).code, 0);
  });
});

describe('repairDataFile on a disk that fails', () => {
  const [header = '', first = '', second = ''] = linesWithUsers('matt', 'elie');
  const damaged = header + first.replace('matt', 'Matt') + second;

  /** The real file system, but for one call: the one with this number fails. */
  function failingAt(number: number) {
    const calls: string[] = [];
    const count = <T>(call: string, use: () => T): T => {
      calls.push(call);
      if (calls.length === number) throw systemError('EIO');
      return use();
    };
    const counted = (file: DataFile): DataFile => ({
      ...file,
      size: async () => count('size', () => file.size()),
      read: async (buffer, position) => count('read', () => file.read(buffer, position)),
      write: (bytes, position) => count('write', () => file.write(bytes, position)),
      writeAsync: async (bytes, position) => count('writeAsync', () => file.writeAsync(bytes, position)),
      sync: async () => count('sync', () => file.sync()),
      close: async () => {
        await file.close();
        count('close', () => undefined);
      },
    });
    const fileSystem: FileSystem = {
      ...realFileSystem,
      open: async (path, access) =>
        count('open', async () => counted(await realFileSystem.open(path, access))),
      rename: async (from, to) => count('rename', () => realFileSystem.rename(from, to)),
      syncFolder: async (path) => count('syncFolder', () => realFileSystem.syncFolder(path)),
    };
    return { fileSystem, calls };
  }

  it('leaves the damaged file alone in its place, or the new one with the damaged one beside it', async (t) => {
    const places = { before: 0, after: 0 };
    for (let number = 1; ; number++) {
      const path = dataFile(t, damaged);
      const { fileSystem, calls } = failingAt(number);
      const outcome = await repairDataFile(path, { now, fileSystem }).catch((error) => error);
      const names = readdirSync(dirname(path)).sort();
      if (calls.length < number) {
        assert.equal(outcome.lines, 3, 'no call failed');
        assert.deepEqual(names, ['jot.jsonl', ASIDE]);
        break;
      }
      const failed = `call ${number}, ${calls[number - 1]}`;
      assert.match(outcome.message, /EIO: i\/o error$/, failed);
      if (readFileSync(path, 'utf8') === damaged) {
        places.before++;
        assert.deepEqual(names, ['jot.jsonl'], failed);
        continue;
      }
      places.after++;
      assert.deepEqual(names, ['jot.jsonl', ASIDE], failed);
      assert.equal(readFileSync(`${dirname(path)}/${ASIDE}`, 'utf8'), damaged, failed);
      assert.equal((await runCommand(check, [path])).code, 0, failed);
    }
    assert.ok(places.before > 10 && places.after > 0, JSON.stringify(places));
  });
});

describe('repairDataFile of a random file with random damage', () => {
  const fast: FileSystem = {
    ...realFileSystem,
    open: async (path, access) => ({
      ...(await realFileSystem.open(path, access)),
      sync: async () => undefined,
    }),
    syncFolder: async () => undefined,
  };

  function damage(lines: readonly string[], below: (limit: number) => number): Buffer {
    const changed = [...lines];
    const kind = below(6);
    const line = below(changed.length);
    if (kind === 0) changed.splice(line, 1 + below(3));
    if (kind === 1) changed.splice(line, 0, changed[below(changed.length)] ?? '');
    if (kind === 2) [changed[0], changed[line]] = [changed[line] ?? '', changed[0] ?? ''];
    if (kind === 3) changed.splice(line, 0, '\0garbage\n');
    const bytes = Buffer.from(changed.join(''));
    const flips = kind === 4 ? 1 + below(8) : 0;
    for (let count = 0; count < flips; count++) bytes[below(bytes.length)] = below(256);
    return kind === 5 ? bytes.subarray(0, below(bytes.length)) : bytes;
  }

  it('always leaves a file that opens, with rows that once were, no session and no id twice', async (t) => {
    const random = seededRandom(11);
    const below = (limit: number) => Math.floor(random() * limit);
    const folder = temporaryFolder(t);
    const outcomes = { repaired: 0, sound: 0, refused: 0 };
    for (let round = 0; round < ROUNDS; round++) {
      const { lines, rows, next } = randomHistory(random);
      const content = damage(lines, below);
      const path = `${folder}/${round}.jsonl`;
      writeFileSync(path, content);
      const outcome = await repairDataFile(path, { now, fileSystem: fast }).catch((error) => error);
      if (outcome instanceof Error) {
        outcomes.refused++;
        assert.match(outcome.message, /can't be repaired: (nothing in it can be read|its format is)/);
        assert.deepEqual(readFileSync(path), content);
        continue;
      }
      const { tables } = await readDataFile(path);
      for (const name of collectionNames) {
        for (const row of tables.rows(name))
          assert.ok(rows.has(shown(name, row)), `round ${round}: ${shown(name, row)}`);
        assert.deepEqual(misfitsIn(tables, name), [], `round ${round}`);
      }
      if (outcome === null) {
        outcomes.sound++;
        assert.deepEqual(readFileSync(path), content);
        continue;
      }
      outcomes.repaired++;
      assert.ok(outcome.losses.length > 0, `round ${round}`);
      assert.equal(tables.count('sessions'), 0, `round ${round}`);
      for (const name of collectionNames)
        assert.ok(tables.nextId(name) >= next[name], `round ${round}: ${name}`);
      assert.deepEqual(readFileSync(outcome.original), content);
    }
    assert.ok(outcomes.repaired > ROUNDS / 2 && outcomes.sound > 0, JSON.stringify(outcomes));
  });
});
