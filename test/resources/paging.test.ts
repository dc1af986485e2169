// Lists in pages: /users, posts, and the posts inside a user.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertFields, nextOf } from '../support/server/answers.ts';
import { createPerson } from '../support/server/person.ts';
import { type Answer, startServer } from '../support/server/server.ts';

type Fetch = (path: string) => Promise<Answer>;

function idsOf(json: readonly { id: number }[]): number[] {
  return json.map(({ id }) => id);
}

/** The ids of each page, from the first one along the links to the last. */
async function follow(fetch: Fetch, path: string): Promise<number[][]> {
  const pages: number[][] = [];
  for (let next: string | null = path; next !== null; ) {
    const answer: Answer = await fetch(next);
    assert.equal(answer.status, 200);
    pages.push(idsOf(answer.json));
    assert.ok(pages.length < 100, 'the links lead in a circle');
    next = nextOf(answer);
  }
  return pages;
}

const pages: [query: string, ids: number[], next: string | null, reason: string][] = [
  ['', [1, 2, 3, 4, 5], null, 'fifty at most by default'],
  ['?limit=2', [1, 2], '?limit=2&after=2', 'the first page'],
  ['?limit=2&after=2', [3, 4], '?limit=2&after=4', 'the second one'],
  ['?limit=2&after=4', [5], null, 'the last one'],
  ['?limit=5', [1, 2, 3, 4, 5], null, 'exactly what there is'],
  ['?limit=4', [1, 2, 3, 4], '?limit=4&after=4', 'one less'],
  ['?limit=200', [1, 2, 3, 4, 5], null, 'the most that can be asked for'],
  ['?after=0', [1, 2, 3, 4, 5], null, 'from the start'],
  ['?after=5', [], null, 'behind the end'],
  ['?after=9007199254740991', [], null, 'far behind the end'],
  ['?order=asc&limit=1', [1], '?limit=1&after=1', 'ascending is the default'],
  ['?order=desc', [5, 4, 3, 2, 1], null, 'descending'],
  ['?order=desc&limit=2', [5, 4], '?limit=2&after=4&order=desc', 'the first page from the end'],
  ['?order=desc&limit=2&after=4', [3, 2], '?limit=2&after=2&order=desc', 'the second one'],
  ['?order=desc&limit=2&after=2', [1], null, 'the last one'],
  ['?order=desc&after=0&limit=1', [5], '?limit=1&after=5&order=desc', '0 is the start in either order'],
  ['?order=desc&after=1', [], null, 'before the start'],
  ['?limit=%32&x=1&x=2', [1, 2], '?limit=2&after=2', 'an escape, and keys nobody knows'],
];

const INTEGER_AFTER = 'must be an integer from 0 to 9007199254740991';
const ORDER = 'must be one of asc, desc';

const badLimits: [query: string, reason: string][] = [
  ['?limit=201', 'one too many'],
  ['?limit=-1', 'negative'],
  ['?limit=1.5', 'a fraction'],
  ['?limit=01', 'not canonical'],
  ['?limit=1e2', 'an exponent'],
  ['?limit=', 'empty'],
  ['?limit', 'a name alone'],
  ['?limit=ten', 'a word'],
];

const badQueries: [query: string, fields: Record<string, string>, reason: string][] = [
  ['?after=-1', { after: INTEGER_AFTER }, 'negative'],
  ['?after=abc', { after: INTEGER_AFTER }, 'a word'],
  ['?after=9007199254740992', { after: INTEGER_AFTER }, 'past 2^53 - 1'],
  ['?order=up', { order: ORDER }, 'another word'],
  ['?order=DESC', { order: ORDER }, 'capitals'],
  ['?limit=1&limit=1', { limit: 'is given more than once' }, 'twice'],
];

// Each list with the same five ids in it: where it is, where its links lead, and where its rows are in the answer.
const lists: [
  name: string,
  path: string,
  linked: string,
  rowsOf: (json: Answer['json']) => { id: number }[],
  limitMin: number,
][] = [
  ['GET /users', '/users', '/users', (json) => json, 1],
  ['GET /users/:user_id/posts', '/users/1/posts', '/users/1/posts', (json) => json, 1],
  ['GET /users/:id', '/users/1', '/users/1/posts', (json) => json.posts, 0],
];

for (const [name, path, linked, rowsOf, limitMin] of lists) {
  describe(`${name} in pages`, () => {
    it('returns the requested page and links to the next', async (t) => {
      const server = await startServer(t);
      const first = await createPerson(server, 'user 1');
      for (let id = 2; id <= 5; id++) await server.signUp(`user ${id}`);
      for (let id = 1; id <= 5; id++) await first.post(`post ${id}`);
      for (const [query, ids, next, reason] of pages) {
        await t.test(`${query === '' ? 'nothing' : query}, twice: ${reason}`, async () => {
          for (let time = 1; time <= 2; time++) {
            const answer = await first.call('GET', `${path}${query}`);
            assert.equal(answer.status, 200);
            assert.deepEqual(idsOf(rowsOf(answer.json)), ids);
            assert.equal(nextOf(answer), next === null ? null : `${linked}${next}`);
          }
        });
      }
      const limit = `must be an integer from ${limitMin} to 200`;
      const badLists: typeof badQueries = [
        ...badLimits.map(([query, reason]): (typeof badQueries)[0] => [query, { limit }, reason]),
        ...badQueries,
        ['?limit=x&after=x&order=y', { limit, after: INTEGER_AFTER, order: ORDER }, 'all at once'],
      ];
      for (const [query, fields, reason] of badLists) {
        await t.test(`refuses ${query}, twice: ${reason}`, async () => {
          for (let time = 1; time <= 2; time++) {
            assertFields(await first.call('GET', `${path}${query}`), fields);
          }
        });
      }
      await t.test('refuses an escape that is malformed', async () => {
        assert.equal((await first.call('GET', `${path}?limit=%zz`)).status, 400);
      });
    });
  });
}

describe('Link rel=next', () => {
  it('leads through every user once, in both orders', async (t) => {
    const { call, signUp } = await startServer(t);
    for (let id = 1; id <= 7; id++) await signUp(`user ${id}`);
    const fetch: Fetch = (path) => call('GET', path);
    assert.deepEqual(await follow(fetch, '/users?limit=3'), [[1, 2, 3], [4, 5, 6], [7]]);
    assert.deepEqual(await follow(fetch, '/users?limit=3&order=desc'), [[7, 6, 5], [4, 3, 2], [1]]);
  });

  it("leads through every post of the caller once, in both orders, past other users' posts", async (t) => {
    const server = await startServer(t);
    const matt = await createPerson(server, 'matt');
    const elie = await createPerson(server, 'elie');
    for (const person of [matt, elie, matt, matt, elie, matt, matt]) await person.post();
    const fetch: Fetch = (path) => matt.call('GET', path);
    assert.deepEqual(await follow(fetch, `${matt.posts}?limit=2`), [[1, 3], [4, 6], [7]]);
    assert.deepEqual(await follow(fetch, `${matt.posts}?limit=2&order=desc`), [[7, 6], [4, 3], [1]]);
  });

  it('leads from a user to the rest of the posts', async (t) => {
    const server = await startServer(t);
    const matt = await createPerson(server, 'matt');
    for (let count = 0; count < 5; count++) await matt.post();
    const self = await matt.call('GET', `${matt.path}?limit=2&order=desc`);
    assert.deepEqual(idsOf(self.json.posts), [5, 4]);
    const rest = await follow((path) => matt.call('GET', path), String(nextOf(self)));
    assert.deepEqual(rest, [[3, 2], [1]]);
  });

  it('neither repeats nor skips a row if others are added or removed between pages', async (t) => {
    const server = await startServer(t);
    const matt = await createPerson(server, 'matt');
    for (let id = 1; id <= 6; id++) await matt.post();
    const first = await matt.call('GET', `${matt.posts}?limit=3`);
    assert.deepEqual(idsOf(first.json), [1, 2, 3]);
    await matt.call('DELETE', `${matt.posts}/1`);
    await matt.call('DELETE', `${matt.posts}/3`);
    await matt.post();
    assert.deepEqual(await follow((path) => matt.call('GET', path), String(nextOf(first))), [[4, 5, 6], [7]]);
  });

  it('is sent from 51 rows on', async (t) => {
    const { call, signUp } = await startServer(t);
    for (let id = 1; id <= 51; id++) await signUp(`user ${id}`);
    const sizes = (await follow((path) => call('GET', path), '/users')).map((page) => page.length);
    assert.deepEqual(sizes, [50, 1]);
  });
});
