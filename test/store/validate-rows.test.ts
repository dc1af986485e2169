import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type CollectionName, collectionNames } from '../../src/store/collections.ts';
import { type Effect, Tables } from '../../src/store/memory/tables.ts';
import type { Post, User } from '../../src/store/open.ts';
import { misfitsIn, removeMisfits, validateRow } from '../../src/store/validate-rows.ts';
import { postOf, sessionOf, userNamed } from '../support/disk/stores.ts';

// Those that Jot comes with; whoever adds a collection need not add it here.
const NAMES = ['users', 'posts', 'sessions'] as const;
const rows: Readonly<Record<(typeof NAMES)[number], Record<string, unknown>>> = {
  users: { id: 1, version: 1, ...userNamed('matt') },
  posts: { id: 1, version: 1, ...postOf(1) },
  sessions: { id: 1, version: 1, ...sessionOf(1, 'one') },
};

describe('validateRow', () => {
  for (const name of NAMES) {
    it(`accepts a row of ${name} as the store creates it, and no undeclared field`, () => {
      const row = rows[name];
      assert.deepEqual(validateRow(name, { ...row, extra: 1, constructor: 2 }), row);
    });

    it(`names any one field of ${name} that is missing or of another type`, () => {
      for (const [field, value] of Object.entries(rows[name])) {
        const ofOtherKinds = ['1', 1, true].filter((other) => typeof other !== typeof value);
        for (const other of [undefined, null, [], {}, 0.5, 2 ** 53, Number.NaN, ...ofOtherKinds]) {
          assert.throws(
            () => validateRow(name, { ...rows[name], [field]: other }),
            (error: Error & { code?: string }) =>
              error.code === 'validation_failed' && error.message.startsWith(`"${field}" must be `),
            `${field}: ${String(other)}`,
          );
        }
      }
    });
  }

  for (const [value, reason] of [
    [undefined, 'nothing'],
    [null, 'null'],
    [7, 'a number'],
    ['row', 'a text'],
    [[rows.posts], 'a list'],
  ] as const) {
    it(`rejects ${reason} in place of a row`, () => {
      assert.throws(() => validateRow('posts', value), {
        code: 'validation_failed',
        message: 'it is not an object',
      });
    });
  }

  const counters = [
    ['users', 'id', 1],
    ['posts', 'version', 1],
    ['sessions', 'generation', 0],
  ] as const;
  for (const [name, field, first] of counters) {
    it(`accepts the ${field} of ${name} from ${first} to the given maximum, by default 2^52`, () => {
      for (const [max, ...more] of [[2 ** 52], [7, 7]] as const) {
        for (const value of [first, max]) validateRow(name, { ...rows[name], [field]: value }, ...more);
        const message = `"${field}" must be an integer from ${first} to ${max}`;
        for (const value of [first - 1, max + 1, Number.MAX_SAFE_INTEGER]) {
          const given = { ...rows[name], [field]: value };
          assert.throws(() => validateRow(name, given, ...more), { message });
        }
      }
    });
  }

  it('accepts a time up to the limits of a date, and no further', () => {
    const last = 8.64e15;
    for (const [name, fields] of [
      ['users', ['created']],
      ['posts', ['created', 'updated']],
      ['sessions', ['created', 'last_used', 'expires']],
    ] as const) {
      for (const field of fields) {
        for (const time of [last, -last]) validateRow(name, { ...rows[name], [field]: time });
        for (const time of [last + 1, -last - 1]) {
          const message = `"${field}" must be milliseconds since the epoch`;
          assert.throws(() => validateRow(name, { ...rows[name], [field]: time }), { message });
        }
      }
    }
    assert.equal(new Date(last).getTime(), last);
    assert.ok(Number.isNaN(new Date(last + 1).getTime()));
  });

  it('accepts negative numbers in a field that is no id: there were times before 1970', () => {
    assert.equal(Reflect.get(validateRow('users', { ...rows.users, created: -1 }), 'created'), -1);
  });

  it('rejects an inherited field', () => {
    const inherited = Object.create({ title: 'inherited' });
    const { title: _title, ...others } = rows.posts;
    assert.throws(() => validateRow('posts', Object.assign(inherited, others)), {
      message: '"title" must be a text',
    });
  });
});

describe('misfitsIn and removeMisfits', () => {
  function tablesWith(...effects: Effect[]): Tables {
    const tables = new Tables();
    tables.apply([effects]);
    return tables;
  }
  const user = (id: number, username: string): Effect => {
    const row: User = { id, version: 1, ...userNamed(username) };
    return { put: 'users', row };
  };
  const post = (id: number, owner: number): Effect => {
    const row: Post = { id, version: 1, ...postOf(owner) };
    return { put: 'posts', row };
  };
  const shownIn = (tables: Tables, name: CollectionName) =>
    misfitsIn(tables)
      .filter((misfit) => misfit.name === name)
      .map(({ id, reason }) => `${id}: ${reason}`);

  it('find nothing among rows that fit', () => {
    const tables = tablesWith(user(1, 'matt'), user(2, 'elie'), post(1, 2));
    for (const name of collectionNames) assert.deepEqual(shownIn(tables, name), []);
  });

  it('find rows without an owner', () => {
    const tables = tablesWith(post(1, 1), post(2, 7), user(1, 'matt'));
    assert.deepEqual(shownIn(tables, 'posts'), ['2: its owner, 7 of users, is not there']);
  });

  it('find all rows with one key but the last', () => {
    const tables = tablesWith(user(1, 'matt'), user(2, 'MATT'), user(3, 'elie'), user(4, 'Matt'));
    const reason = 'another row has the same username';
    assert.deepEqual(shownIn(tables, 'users'), [`1: ${reason}`, `2: ${reason}`]);
  });

  it('return one reason per row, its shape first', () => {
    const orphan: Post = { id: 1, version: 1, ...postOf(7), created: 0.5 };
    const tables = tablesWith(user(1, 'matt'), { put: 'posts', row: orphan });
    const reason = '"created" must be milliseconds since the epoch';
    assert.deepEqual(misfitsIn(tables), [{ name: 'posts', id: 1, reason, isMisshapen: true }]);
  });

  it('remove the rows, with those that they own, and nothing else', () => {
    const tables = tablesWith(user(1, 'matt'), user(2, 'MATT'), post(1, 1), post(2, 2), post(3, 9));
    const removed = removeMisfits(tables).map(({ name, id }) => `${name} ${id}`);
    assert.deepEqual(removed, ['users 1', 'posts 1', 'posts 3']);
    assert.deepEqual([tables.count('users'), tables.count('posts')], [1, 1]);
    assert.deepEqual([misfitsIn(tables), removeMisfits(tables)], [[], []]);
  });
});
