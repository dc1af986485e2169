// Pages of long posts end by their text, and whoever follows the links sees every post once all the same.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { type listQuery, TEXT_LENGTH_MAX } from '../../src/api/paging.ts';
import { postsOf } from '../../src/resources/posts.ts';
import type { Infer, Page } from '../../src/schema/schema.ts';
import type { Post, User } from '../../src/store/collections.ts';
import { type Order, openStore, type Store } from '../../src/store/open.ts';
import { postOf, userNamed } from '../support/disk/stores.ts';
import { seededRandom } from '../support/model/random.ts';
import { nextOf } from '../support/server/answers.ts';
import { createPerson, type Person } from '../support/server/person.ts';
import { type Answer, startServer } from '../support/server/server.ts';

const TITLE = 'T';
// Of which others are cut: that takes no more memory.
const LONGEST = 'x'.repeat(3 * TEXT_LENGTH_MAX);
const ROUNDS = 60;
const POSTS_MAX = 40;
const ORDERS: readonly Order[] = ['asc', 'desc'];
// Of these two are on a page.
const LONG = 100_000;

type Query = Infer<typeof listQuery>;
type PostOfUser = Post & { readonly user: User };
type List = (query: Query) => Promise<Page<PostOfUser>>;

/** A user with posts whose texts, their titles among them, have these lengths; ids begin at 1. */
async function postsOfLengths(
  t: TestContext,
  lengths: readonly number[],
): Promise<{ store: Store; user: User; list: List }> {
  const store = await openStore('memory:');
  t.after(() => store.close());
  const user = await store.users.create(userNamed('matt'));
  for (const length of lengths) {
    const body = LONGEST.slice(0, length - TITLE.length);
    await store.posts.create({ ...postOf(user.id, TITLE), body });
  }
  return { store, user, list: (query) => postsOf(store, user, query) };
}

/** Everything from the first page to the last, and `onPage` in between. */
async function walk(
  list: List,
  { limit, order }: Omit<Query, 'after'>,
  onPage: (page: Page<PostOfUser>) => Promise<void> = async () => undefined,
): Promise<Page<PostOfUser>[]> {
  const pages: Page<PostOfUser>[] = [];
  for (let after: number | null = 0; after !== null; ) {
    const page: Page<PostOfUser> = await list({ limit, order, after });
    pages.push(page);
    assert.ok(pages.length <= 2 * POSTS_MAX, 'the pages lead in a circle');
    await onPage(page);
    after = page.next;
  }
  return pages;
}

function idsOf(pages: readonly Page<PostOfUser>[]): number[] {
  return pages.flatMap(({ rows }) => rows.map(({ id }) => id));
}

function textOf(rows: readonly PostOfUser[]): number {
  return rows.reduce((sum, { title, body }) => sum + title.length + body.length, 0);
}

/** Every post is on one page, in order, and each page has as many as it may have and no more. */
function assertWhole(pages: readonly Page<PostOfUser>[], ids: readonly number[], limit: number): void {
  assert.deepEqual(idsOf(pages), ids);
  pages.forEach(({ rows, next }, index) => {
    const following = pages[index + 1]?.rows[0];
    assert.equal(next, following === undefined ? null : rows.at(-1)?.id);
    assert.ok(rows.length <= limit, `${rows.length} posts`);
    assert.ok(rows.length === 1 || textOf(rows) <= TEXT_LENGTH_MAX, `${textOf(rows)} of text`);
    if (following === undefined) return;
    const isFull = rows.length === limit || textOf([...rows, following]) > TEXT_LENGTH_MAX;
    assert.ok(isFull, `only ${rows.length} posts`);
  });
}

/** Mostly short, so that pages end by their number too; some just fit, or do not. */
function randomLength(random: () => number): number {
  const kind = random();
  if (kind < 0.4) return 1 + Math.floor(random() * 1_000);
  if (kind < 0.7) return 1 + Math.floor(random() * (TEXT_LENGTH_MAX / 4));
  if (kind < 0.9) return 1 + Math.floor(random() * TEXT_LENGTH_MAX);
  const edges = [TEXT_LENGTH_MAX - 1, TEXT_LENGTH_MAX, TEXT_LENGTH_MAX + 1, 3 * TEXT_LENGTH_MAX];
  return edges[Math.floor(random() * edges.length)] ?? 1;
}

function upTo(count: number, order: Order): number[] {
  const ids = Array.from({ length: count }, (_, index) => index + 1);
  return order === 'asc' ? ids : ids.reverse();
}

describe('postsOf with long posts', () => {
  const M = TEXT_LENGTH_MAX;
  const rows: readonly [lengths: number[], pages: number[][], reason: string][] = [
    [[], [[]], 'nothing'],
    [[M - 1, 1], [[1, 2]], 'exactly what fits'],
    [[M - 1, 2], [[1], [2]], 'one too many'],
    [[M], [[1]], 'one that fills a page'],
    [[M, 1], [[1], [2]], 'one that fills a page, and another'],
    [[2 * M], [[1]], 'one that is longer than a page'],
    [[1, 2 * M, 1], [[1], [2], [3]], 'one that is longer than a page, between others'],
    [[2 * M, 2 * M], [[1], [2]], 'two of those'],
    [[1, 1, M - 1, 1, 1], [[1, 2], [3, 4], [5]], 'the one that does not fit is the next one’s first'],
    [[1, 1, 1, 1], [[1, 2, 3], [4]], 'short ones, as many as are asked for'],
    [[M / 2, M / 2, M / 2], [[1, 2], [3]], 'fewer than are asked for'],
  ];
  for (const [lengths, pages, reason] of rows) {
    it(`returns ${JSON.stringify(pages)} for ${JSON.stringify(lengths)}: ${reason}`, async (t) => {
      const { list } = await postsOfLengths(t, lengths);
      const found = await walk(list, { limit: 3, order: 'asc' });
      assert.deepEqual(
        found.map((page) => idsOf([page])),
        pages,
      );
    });
  }

  it('returns every post once, in both orders, on pages of at most TEXT_LENGTH_MAX', async (t) => {
    const random = seededRandom(7);
    let cut = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const count = Math.floor(random() * POSTS_MAX);
      const { list } = await postsOfLengths(
        t,
        Array.from({ length: count }, () => randomLength(random)),
      );
      const limit = [1, 2, 5, 50, 200][round % 5] ?? 1;
      for (const order of ORDERS) {
        const pages = await walk(list, { limit, order });
        assertWhole(pages, upTo(count, order), limit);
        cut += pages.filter(({ rows, next }) => next !== null && rows.length < limit).length;
      }
    }
    // A run in which the number ended every page would show nothing.
    assert.ok(cut > 100, `${cut} pages ended by their text`);
  });

  it('neither repeats nor skips a post if others are added or removed between pages', async (t) => {
    const random = seededRandom(8);
    for (let round = 0; round < ROUNDS; round++) {
      const lengths = Array.from({ length: 20 }, () => randomLength(random));
      const { store, user, list } = await postsOfLengths(t, lengths);
      const order = ORDERS[round % 2] ?? 'asc';
      const left = new Set(upTo(20, order));
      const pages = await walk(list, { limit: 5, order }, async ({ rows }) => {
        // Another one, or the last on the page, to which the link leads back.
        const id = random() < 0.5 ? 1 + Math.floor(random() * 20) : rows.at(-1)?.id;
        if (id !== undefined && left.delete(id)) await store.posts.remove(id);
        if (random() < 0.1) await store.posts.create(postOf(user.id));
      });
      const seen = idsOf(pages).filter((id) => id <= 20);
      assert.deepEqual(
        seen,
        upTo(20, order).filter((id) => seen.includes(id)),
      );
      for (const id of left) assert.ok(seen.includes(id), `post ${id} was never seen`);
    }
  });

  describe('assertWhole rejects', () => {
    const query = { limit: 3, order: 'asc' } as const;
    const mistakes: readonly [mistake: string, spoil: (page: Page<PostOfUser>) => Page<PostOfUser>][] = [
      [
        'a page whose next skips the posts it left out',
        ({ rows, next }) => ({ rows: rows.slice(0, 1), next }),
      ],
      ['a page whose next repeats its last post', ({ rows, next }) => ({ rows, next: next && next - 1 })],
      ['a page whose next is null too early', ({ rows }) => ({ rows, next: null })],
      ['a page that ends too early', ({ rows }) => ({ rows: rows.slice(0, 1), next: rows[0]?.id ?? null })],
    ];
    for (const [mistake, spoil] of mistakes) {
      it(mistake, async (t) => {
        const { list } = await postsOfLengths(t, [1, 1, TEXT_LENGTH_MAX, 1, 1]);
        assertWhole(await walk(list, query), upTo(5, 'asc'), 3);
        const spoilt: List = async (asked) => spoil(await list(asked));
        await assert.rejects(async () => assertWhole(await walk(spoilt, query), upTo(5, 'asc'), 3), {
          name: 'AssertionError',
        });
      });
    }

    it('a page that exceeds TEXT_LENGTH_MAX', async (t) => {
      const { store, user } = await postsOfLengths(t, [1, TEXT_LENGTH_MAX]);
      const { rows, next } = await store.posts.list({ owner: user.id, after: 0, ...query });
      const page = { rows: rows.map((post) => ({ ...post, user })), next };
      assert.throws(() => assertWhole([page], [1, 2], 3), /of text/);
    });
  });
});

// Where there are posts: the path, and where they are in the answer.
const lists: readonly (readonly [
  name: string,
  path: string,
  postsIn: (json: Answer['json']) => readonly { id: number }[],
])[] = [
  ['GET /users/:user_id/posts', '/users/1/posts', (json) => json],
  ['GET /users/:id', '/users/1', (json) => json.posts],
  ['GET /auth', '/auth', (json) => json.posts],
];

async function withLongPosts(t: TestContext): Promise<Person> {
  const matt = await createPerson(await startServer(t, { MAX_BODY: '512KiB' }), 'matt');
  for (let count = 0; count < 5; count++) await matt.post(TITLE, LONGEST.slice(0, LONG));
  return matt;
}

describe('TEXT_LENGTH_MAX over HTTP', () => {
  it('ends a page of long posts early, with a Link to the rest', async (t) => {
    const matt = await withLongPosts(t);
    for (const [name, path, postsIn] of lists) {
      for (const [order, more] of [
        ['asc', ''],
        ['desc', '&order=desc'],
      ] as const) {
        const first = await matt.call('GET', `${path}?limit=4${more}`);
        const pages = [postsIn(first.json).map(({ id }) => id)];
        assert.equal(nextOf(first), `/users/1/posts?limit=4&after=${pages[0]?.at(-1)}${more}`, name);
        for (let next = nextOf(first); next !== null; ) {
          const page = await matt.call('GET', next);
          pages.push(page.json.map(({ id }: { id: number }) => id));
          next = nextOf(page);
        }
        const [a, b, c, d, e] = upTo(5, order);
        assert.deepEqual(pages, [[a, b], [c, d], [e]], name);
      }
    }
  });

  it('ends the page early in the response to a change of the user too', async (t) => {
    const matt = await withLongPosts(t);
    const { json, headers } = await matt.call('PATCH', '/users/1', { json: { username: 'Matt' } });
    assert.equal(json.posts.length, 2);
    assert.equal(headers.link, '</users/1/posts?limit=50&after=2>; rel="next"');
  });

  it('ends the page at the same post for HEAD and a conditional GET', async (t) => {
    const matt = await withLongPosts(t);
    for (const [name, path] of lists) {
      const { headers, text } = await matt.call('GET', path);
      assert.equal(Number(headers['content-length']), text.length);
      const head = await matt.call('HEAD', path);
      for (const header of ['content-length', 'link', 'etag'])
        assert.equal(head.headers[header], headers[header], `${header} of ${name}`);
      const etag = String(headers.etag);
      assert.equal((await matt.call('GET', path, { headers: { 'If-None-Match': etag } })).status, 304, name);
      assert.equal((await matt.call('HEAD', path, { headers: { 'If-Match': etag } })).status, 200, name);
    }
  });

  it('does not shorten a page whose limit is smaller', async (t) => {
    const matt = await withLongPosts(t);
    const answer = await matt.call('GET', '/users/1/posts?limit=1');
    assert.deepEqual([answer.json.length, nextOf(answer)], [1, '/users/1/posts?limit=1&after=1']);
  });
});
