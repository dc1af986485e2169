import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { repairDataFile } from '../../../src/store/file/repair.ts';
import type { Change } from '../../../src/store/memory/tables.ts';
import type { Post, Session, User } from '../../../src/store/open.ts';
import { dataFile, traceOf } from '../../support/disk/data-files.ts';
import { linesWith } from '../../support/disk/records.ts';
import { namesOf, now, repaired, userOf } from '../../support/disk/repaired.ts';
import { openFor, postOf, rejects, sessionOf, userNamed } from '../../support/disk/stores.ts';
import { assertHas } from '../../support/server/answers.ts';

describe('repairDataFile with two rows of one username', () => {
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
        result.repair.misfits.map(({ id }) => id),
        gone,
      );
      const store = await openFor(t, `file:${result.path}`);
      await rejects(store.users.create(userNamed('Matt')), 'username_taken');
    });
  }

  it('also drops the rows that the dropped row owns', async (t) => {
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

describe('repairDataFile with right checksums', () => {
  const orphan: Post = { id: 3, version: 1, ...postOf(9) };
  const owned: Post = { id: 2, version: 1, ...postOf(1) };
  const session: Session = { id: 1, version: 1, ...sessionOf(1, 'one') };
  const lines = linesWith(
    [{ put: 'users', row: userOf(1, 'matt') }],
    [{ put: 'sessions', row: session }],
    [{ put: 'posts', row: owned }],
    [{ put: 'posts', row: orphan }],
  );

  it('drops rows that cannot be there, and nothing else: no session ends, no id is skipped', async (t) => {
    const { repair, contents } = await repaired(t, lines.join(''));
    assert.deepEqual([repair.lossCount, repair.losses, repair.sessionsEnded], [0, [], 0]);
    assert.deepEqual(repair.misfits, [
      { name: 'posts', id: 3, reason: 'its owner, 9 of users, is not there', isMisshapen: false },
    ]);
    assert.deepEqual(contents.rows.sessions, [session]);
    assert.deepEqual(
      contents.rows.posts.map(({ id }) => id),
      [2],
    );
    assertHas(contents.next, { users: 2, posts: 4, sessions: 2 });
  });

  it('also drops them if the end is unfinished, which is no loss', async (t) => {
    const { repair, contents } = await repaired(t, `${lines.join('')}{"seq":5`);
    assert.deepEqual([repair.lossCount, repair.misfits.length, contents.rows.sessions.length], [0, 1, 1]);
  });

  it('drops a row of the wrong shape, and the rows that it owns', async (t) => {
    const [header = '', , ...others] = linesWith(
      [],
      [{ put: 'sessions', row: session }],
      [{ put: 'users', row: userOf(2, 'elie') }],
    );
    const row: User = { ...userOf(1, 'matt'), created: 8.64e15 + 1 };
    const [, timeless = ''] = linesWith([{ put: 'users', row }]);
    const result = await repaired(t, header + timeless + others.join(''));
    assert.deepEqual(
      result.repair.misfits.map(({ name, reason }) => `${name}: ${reason}`),
      [
        'users: "created" must be milliseconds since the epoch',
        'sessions: its owner, 1 of users, is not there',
      ],
    );
    assert.deepEqual(namesOf(result), ['elie']);
  });

  const misshapen: readonly (readonly [what: string, change: object, reason: string])[] = [
    ['a value of the wrong kind', { created: 'now' }, '"created" must be milliseconds since the epoch'],
    ['a missing field', { created: undefined }, '"created" must be milliseconds since the epoch'],
    ['a missing field that is a key', { username: undefined }, '"username" must be a text'],
  ];
  for (const [what, change, reason] of misshapen) {
    for (const damage of ['', 'damage\n']) {
      const where = damage === '' ? 'a sound file' : 'a damaged file';
      it(`leaves ${where} as it is for ${what}, unless it may drop the row`, async (t) => {
        const row = { ...userOf(2, 'elie'), ...change };
        const [header = '', matt = '', both = ''] = linesWith(
          [{ put: 'users', row: userOf(1, 'matt') }],
          [
            { put: 'users', row },
            { put: 'users', row: userOf(3, 'tim') },
          ],
        );
        const content = header + damage + matt + both;
        const path = dataFile(t, content);
        const before = traceOf(path);
        const refusal = await repairDataFile(path, { now });
        assert.equal(refusal?.original, null);
        assert.deepEqual(refusal.misshapen, [`row 2 of users is not valid: ${reason}`]);
        assert.deepEqual(traceOf(path), before);
        const result = await repaired(t, content);
        assert.deepEqual(namesOf(result), ['matt', 'tim'], 'the other row of the line is kept');
      });
    }
  }

  it('does nothing if all rows fit', async (t) => {
    const path = dataFile(t, lines.slice(0, -1).join(''));
    const before = traceOf(path);
    assert.equal(await repairDataFile(path, { now }), null);
    assert.deepEqual(traceOf(path), before);
  });
});
