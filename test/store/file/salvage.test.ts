import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readDataFile } from '../../../src/store/file/offline.ts';
import { encodeChange } from '../../../src/store/file/record.ts';
import type { Post, Session } from '../../../src/store/open.ts';
import { contentsOf } from '../../support/disk/data-files.ts';
import { linesWith, linesWithSnapshot, sealedLine, TIME } from '../../support/disk/records.ts';
import { lossesOf, MISMATCH, namesOf, repaired, userOf } from '../../support/disk/repaired.ts';
import { openFor, postOf, sessionOf, userNamed } from '../../support/disk/stores.ts';
import { assertHas } from '../../support/server/answers.ts';

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

  it('drops a damaged line, keeps those after it, and reports where and why', async (t) => {
    const result = await repaired(t, header + matt + broken + login + tim);
    const byte = header.length + matt.length;
    assert.deepEqual(result.repair.losses, [
      { line: 3, byte, reason: MISMATCH },
      { line: 4, byte: byte + broken.length, reason: 'changes 2 to 3 are not here' },
    ]);
    assert.equal(result.repair.lines, 5);
    assert.deepEqual(namesOf(result), ['matt', 'tim']);
  });

  it('drops rows whose owner is lost', async (t) => {
    const result = await repaired(t, header + matt + broken + written + login + tim);
    assert.deepEqual(lossesOf(result), [`3: ${MISMATCH}`, '4: change 2 is not here']);
    assert.deepEqual(result.repair.misfits, [
      { name: 'posts', id: post.id, reason: 'its owner, 2 of users, is not there', isMisshapen: false },
    ]);
    assert.deepEqual(result.contents.rows.posts, []);
  });

  it('ends every session: the lost change may have been a logout', async (t) => {
    const result = await repaired(t, header + matt + broken + written + login + tim);
    assert.equal(result.repair.sessionsEnded, 1);
    assert.deepEqual(result.contents.rows.sessions, []);
  });

  it('never assigns an id again that the lost change may have assigned', async (t) => {
    const { path, contents } = await repaired(t, header + matt + broken + written + login + tim);
    assertHas(contents.next, { users: 3_004, posts: 3_002, sessions: 3_002 });
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
      'a line is whole, but about nothing',
      header + matt + sealedLine({ seq: 2, time: TIME, changes: [{ remove: null, id: 1 }] }) + written,
      ['3: it does not name a collection', '4: change 2 is not here'],
      ['matt'],
    ],
    [
      'a line is whole, but its row is none',
      `${header}x\n${sealedLine({ seq: 2, time: TIME, changes: [{ put: 'users', row: { id: 2, version: 1 } }] })}${tim}`,
      [
        `2: ${MISMATCH}`,
        '3: row 2 of users is not valid: "username" must be a text',
        '3: change 1 is not here',
        '4: changes 3 to 4 are not here',
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

  it('continues far above every id in the file if the header is lost', async (t) => {
    const later = encodeChange({
      seq: 5_000_000,
      time: TIME,
      changes: [{ put: 'users', row: userOf(7, 'zoé') }],
    });
    const { contents } = await repaired(t, later);
    assertHas(contents.next, { users: 6_001_008, posts: 6_001_001, sessions: 6_001_001 });
  });

  it('leaves ids to assign, whatever the last number of a change', async (t) => {
    const changes = [{ put: 'users', row: userOf(7, 'zoé') }] as const;
    const { path, contents } = await repaired(t, encodeChange({ seq: 2 ** 52, time: TIME, changes }));
    assertHas(contents.next, { users: 2 ** 51, posts: 2 ** 51, sessions: 2 ** 51 });
    const store = await openFor(t, `file:${path}`);
    for (const id of [2 ** 51, 2 ** 51 + 1]) {
      assert.equal((await store.users.create(userNamed(`user ${id}`))).id, id);
    }
  });

  it('skips a line that is too long', async (t) => {
    const long = Buffer.alloc(128 * 1024 * 1024 + 1, ' ');
    const content = Buffer.concat([Buffer.from(header + matt), long, Buffer.from(`\n${tim}`)]);
    const result = await repaired(t, content);
    assert.deepEqual(lossesOf(result), ['3: it is longer than any line', '4: changes 2 to 4 are not here']);
    assert.equal(result.repair.losses[1]?.byte, content.length - tim.length);
    assert.deepEqual(namesOf(result), ['matt', 'tim']);
  });

  it('counts every loss, and keeps the first thousand', async (t) => {
    for (const count of [1_000, 1_001]) {
      const { repair, contents } = await repaired(t, header + matt + 'lost\n'.repeat(count) + elie + written);
      assert.deepEqual([repair.lossCount, repair.losses.length], [count, 1_000]);
      assert.equal(repair.losses.at(-1)?.line, 1_002);
      assert.equal(contents.next.posts, 2 + count * 1_000, 'ids are skipped for all of them');
    }
  });

  it('keeps the number of the last change', async (t) => {
    const { path } = await repaired(t, header + matt + broken + written + login + tim);
    assert.equal(await readDataFile(path, async ({ seq }) => seq), 5);
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

  it('remembers the ids of rows that were removed before it', async (t) => {
    const { contents } = await repaired(t, header + matt + tim + change);
    assert.equal(contents.next.users, 9 + 1_000);
  });

  it('restores no old row after the change that removed it', async (t) => {
    const old = sealedLine({ snapshot: 2, changes: [{ put: 'users', row: userOf(8, 'gone') }] });
    const result = await repaired(t, header + matt + elie + tim + change + old);
    assert.deepEqual(namesOf(result), ['matt', 'elie', 'tim']);
  });
});
