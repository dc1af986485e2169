// A long random run of requests against a server and against plain Maps.
//
// Tests of single endpoints check single steps. But mistakes also hide in sequences: a username
// that is free again after a rename, a post of a deleted user, a token from before a logout. So a
// seeded generator picks each request, the Maps yield the status that the contract demands, and
// both change together. With a file, the server is restarted in between. Left out: malformed bodies
// (hostile-bodies.test.ts), the clock and refresh tokens (resources/refresh.test.ts).

import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { describe, it } from 'node:test';
import { type Cleanup, temporaryFolder } from './support/disk/temporary-folder.ts';
import { seededRandom } from './support/model/random.ts';
import { assertHas, nextOf } from './support/server/answers.ts';
import { type Answer, type CallOptions, send, startServer } from './support/server/server.ts';

const STEPS = 2_000;
const RESTARTS = 8;
/** Spellings of one username share a row. */
const NAMES = [['matt', 'MATT', 'ｍａｔｔ'], ['zoé', 'zoe\u0301'], ['straße', 'STRASSE'], ['tim'], ['a b']];
const PASSWORDS = ['foo', 'boom', 'pä', 'correct horse'];
const TITLES = ['First', ' ', '𝄞'.repeat(200), '__proto__', '\u0000'];
const BODIES = ['', 'Hello', 'e\u0301 "quoted" \\', 'long '.repeat(500)];

interface User {
  readonly id: number;
  readonly username: string;
  readonly password: string;
}

interface Post {
  readonly id: number;
  readonly userId: number;
  readonly title: string;
  readonly body: string;
}

/** The caller; `userId` is null if the token is missing or must be rejected. */
interface Caller {
  readonly token?: string;
  readonly userId: number | null;
}

/** A status that takes precedence over those after it, and whether it applies. */
type Refusal = readonly [status: number, applies: boolean];

class RandomRun {
  readonly users = new Map<number, User>();
  readonly posts = new Map<number, Post>();
  readonly statuses = new Map<number, number>();
  port = 0;
  readonly #random: () => number;
  readonly #agent: Agent;
  /** Valid access tokens, each with the id of its user. */
  readonly #live = new Map<string, number>();
  readonly #ended: string[] = [];
  /** Every tag seen so far, with its URL and the content it stood for. */
  readonly #tags = new Map<string, string>();
  readonly #lastIds = { users: 0, posts: 0 };

  constructor(random: () => number, agent: Agent) {
    this.#random = random;
    this.#agent = agent;
  }

  /** Makes one request, usually a sensible one. */
  async step(): Promise<void> {
    const frequent = [this.#createPost, this.#changePost, this.#changePost, this.#readPost, this.#listPosts];
    const others = [this.#signUp, this.#signIn, this.#signIn, this.#removePost, this.#listUsers];
    const rare = [this.#changeUser, this.#below(4) === 0 ? this.#removeUser : this.#signOut];
    await this.#of(this.#live.size < 2 ? [this.#signUp, this.#signIn] : [...frequent, ...others, ...rare])();
  }

  /**
   * Asserts that the server has exactly the rows in the Maps, and that ended tokens are still
   * rejected.
   */
  async check(): Promise<void> {
    const users = [...this.users.values()].map(({ id, username }) => ({ id, username }));
    assertHas(await this.#allAt('/users?limit=3'), users);
    for (const [token, id] of this.#live) {
      const posts = [...this.posts.values()].filter(({ userId }) => userId === id);
      assertHas(
        await this.#allAt(`/users/${id}/posts?limit=3`, token),
        posts.map((post) => this.#shown(post)),
      );
    }
    for (const token of this.#ended) assert.equal((await this.#send('GET', '/auth', { token })).status, 401);
  }

  readonly #signUp = async () => {
    const [username, password] = [this.#mostly(this.#name(), ' matt'), this.#mostly(this.#of(PASSWORDS), '')];
    const refusals: Refusal[] = [
      [400, username === ' matt' || password === ''],
      [409, this.#userNamed(username) !== undefined],
    ];
    const answer = await this.#expect(201, refusals, 'POST', '/users', { json: { username, password } });
    if (answer !== null) this.#put({ id: this.#newId('users', answer), username, password });
  };

  readonly #signIn = async () => {
    const user = this.#of([...this.users.values()]) ?? { username: 'matt', password: 'foo' };
    const [username, password] = [this.#mostly(user.username, 'tim'), this.#mostly(user.password, 'boom')];
    const found = this.#userNamed(username);
    const refusals: Refusal[] = [[401, found?.password !== password]];
    const answer = await this.#expect(200, refusals, 'POST', '/auth', { json: { username, password } });
    if (answer !== null && found !== undefined) this.#live.set(answer.json.access_token, found.id);
  };

  readonly #signOut = async () => {
    const { token, userId } = this.#caller();
    const answer = await this.#expect(204, [[401, userId === null]], 'POST', '/auth/logout', { token });
    if (answer !== null) this.#end(([each]) => each === token);
  };

  readonly #listUsers = async () => {
    const { text, rows } = this.#page([...this.users.values()]);
    const answer = await this.#expect(200, [], 'GET', `/users?${text}`);
    assertHas(
      answer?.json,
      rows.map(({ id, username }) => ({ id, username })),
    );
  };

  readonly #changeUser = async () => {
    const { caller, id, refusals } = this.#access();
    const method = this.#of(['PUT', 'PATCH']);
    const password = method === 'PUT' ? this.#of(PASSWORDS) : this.#of([undefined, ...PASSWORDS]);
    const username = this.#mostly(this.#name(), '');
    const holder = this.#userNamed(username);
    const all: Refusal[] = [...refusals, [400, username === ''], [409, (holder?.id ?? id) !== id]];
    const options = { token: caller.token, json: { username, password } };
    const answer = await this.#expect(200, all, method, `/users/${id}`, options);
    const user = this.users.get(id);
    if (answer === null || user === undefined) return;
    this.#put({ id, username, password: password ?? user.password });
    if (password === undefined) return;
    this.#end(([, userId]) => userId === id);
    this.#live.set(answer.json.access_token, id);
  };

  readonly #removeUser = async () => {
    const { caller, id, refusals } = this.#access();
    if ((await this.#expect(204, refusals, 'DELETE', `/users/${id}`, { token: caller.token })) === null)
      return;
    this.users.delete(id);
    for (const post of this.posts.values()) if (post.userId === id) this.posts.delete(post.id);
    this.#end(([, userId]) => userId === id);
  };

  readonly #listPosts = async () => {
    const { caller, id, refusals } = this.#access();
    const { text, rows } = this.#page([...this.posts.values()].filter(({ userId }) => userId === id));
    const answer = await this.#expect(200, refusals, 'GET', `/users/${id}/posts?${text}`, {
      token: caller.token,
    });
    if (answer !== null)
      assertHas(
        answer.json,
        rows.map((post) => this.#shown(post)),
      );
  };

  readonly #createPost = async () => {
    const { caller, id, refusals } = this.#access();
    const json = { title: this.#mostly(this.#of(TITLES), ''), body: this.#of(BODIES) };
    const options = { token: caller.token, json };
    const all: Refusal[] = [...refusals, [400, json.title === '']];
    const answer = await this.#expect(201, all, 'POST', `/users/${id}/posts`, options);
    if (answer === null) return;
    const post = { id: this.#newId('posts', answer), userId: id, ...json };
    this.posts.set(post.id, post);
    assertHas(answer.json, this.#shown(post));
  };

  readonly #readPost = async () => {
    const { caller, path, post, refusals } = await this.#ownPost();
    const { tag, isCurrent } = await this.#tag(path, caller);
    const headers = { 'if-none-match': tag };
    const all: Refusal[] = [...refusals, [404, post === undefined], [304, isCurrent]];
    const answer = await this.#expect(200, all, 'GET', path, { token: caller.token, headers });
    if (answer !== null && post !== undefined) assertHas(answer.json, this.#shown(post));
  };

  readonly #changePost = async () => {
    const { caller, path, post, refusals } = await this.#ownPost();
    const { tag, isCurrent } = await this.#tag(path, caller);
    const method = this.#of(['PUT', 'PATCH']);
    const title = this.#mostly(this.#of(TITLES), '');
    const json = method === 'PUT' ? { title, body: this.#of(BODIES) } : { title };
    const all: Refusal[] = [...refusals, [400, title === ''], [404, post === undefined], [412, !isCurrent]];
    const options = { token: caller.token, json, headers: { 'if-match': tag } };
    const answer = await this.#expect(200, all, method, path, options);
    if (answer === null || post === undefined) return;
    const changed = { ...post, ...json };
    this.posts.set(post.id, changed);
    assertHas(answer.json, this.#shown(changed));
  };

  readonly #removePost = async () => {
    const { caller, path, post, refusals } = await this.#ownPost();
    const all: Refusal[] = [...refusals, [404, post === undefined]];
    const answer = await this.#expect(204, all, 'DELETE', path, { token: caller.token });
    if (answer !== null && post !== undefined) this.posts.delete(post.id);
  };

  /**
   * Returns a request for a resource of a user, usually of the caller, and the statuses that
   * protect it.
   */
  #access(): { caller: Caller; id: number; refusals: Refusal[] } {
    const caller = this.#caller();
    const id = this.#mostly(caller.userId ?? 1, 1 + this.#below(this.#lastIds.users + 1));
    return {
      caller,
      id,
      refusals: [
        [401, caller.userId === null],
        [403, caller.userId !== id],
      ],
    };
  }

  #caller(): Caller {
    const [token = '', userId = 0] = this.#of([...this.#live]) ?? [];
    const rejected = this.#of([undefined, ...this.#ended, `${token.slice(0, -4)}AAAA`]);
    const refused = rejected === undefined ? { userId: null } : { userId: null, token: rejected };
    return this.#mostly<Caller>({ token, userId }, refused);
  }

  async #ownPost() {
    const { caller, id, refusals } = this.#access();
    const own = [...this.posts.values()].filter(({ userId }) => userId === id);
    const postId = this.#mostly(this.#of(own)?.id ?? 1, 1 + this.#below(this.#lastIds.posts + 1));
    const post = own.find((each) => each.id === postId);
    return { caller, path: `/users/${id}/posts/${postId}`, post, refusals };
  }

  /** Returns the current tag of what the caller may read at the path, or a tag of other content. */
  async #tag(path: string, { token }: Caller): Promise<{ tag: string; isCurrent: boolean }> {
    const current = String((await this.#send('GET', path, { token })).headers.etag);
    const tag = this.#mostly(current, this.#of([...this.#tags.keys()]) ?? '"none"');
    return { tag, isCurrent: tag === current };
  }

  /** A random query of a list, and the rows that belong on that page. */
  #page<Row extends { readonly id: number }>(all: readonly Row[]): { text: string; rows: readonly Row[] } {
    const [limit, after, isAscending] = [1 + this.#below(6), this.#below(20), this.#below(2) === 0];
    const ordered = isAscending ? all : all.toReversed();
    const rest = ordered.filter(({ id }) => after === 0 || (isAscending ? id > after : id < after));
    const text = `limit=${limit}&after=${after}&order=${isAscending ? 'asc' : 'desc'}`;
    return { text, rows: rest.slice(0, limit) };
  }

  async #allAt(first: string, token?: string): Promise<unknown[]> {
    const rows: unknown[] = [];
    for (let path: string | null = first; path !== null; ) {
      const page: Answer = await this.#send('GET', path, { token });
      assert.equal(page.status, 200);
      rows.push(...page.json);
      path = nextOf(page);
    }
    return rows;
  }

  /** Sends a request and compares its status; resolves to null if it was rejected. */
  async #expect(
    success: number,
    refusals: readonly Refusal[],
    method: string,
    path: string,
    options: Options = {},
  ): Promise<Answer | null> {
    const [expected] = refusals.find(([, applies]) => applies) ?? [success];
    const answer = await this.#send(method, path, options);
    assert.equal(answer.status, expected, `${method} ${path} ${JSON.stringify(options)}: ${answer.text}`);
    this.statuses.set(expected, (this.statuses.get(expected) ?? 0) + 1);
    return expected === success ? answer : null;
  }

  async #send(method: string, path: string, { token, ...options }: Options): Promise<Answer> {
    const authorized = token === undefined ? {} : { token };
    const answer = await send(this.port, method, path, { ...options, ...authorized, agent: this.#agent });
    const { etag } = answer.headers;
    if (etag === undefined || answer.status === 304) return answer;
    assert.equal(this.#tags.get(etag) ?? answer.text, answer.text, 'a tag stands for one content');
    this.#tags.set(etag, answer.text);
    return answer;
  }

  #put({ username, ...user }: User): void {
    this.users.set(user.id, { ...user, username: username.normalize('NFC') });
  }

  #end(isEnded: (entry: [token: string, userId: number]) => boolean): void {
    for (const [token] of [...this.#live].filter(isEnded)) {
      this.#live.delete(token);
      this.#ended.push(token);
    }
  }

  /**
   * Returns the id of the new row, which must be higher than all earlier ids, since ids are never
   * reused.
   */
  #newId(name: 'users' | 'posts', { json, headers }: Answer): number {
    assert.ok(json.id > this.#lastIds[name], `id ${json.id} of ${name}`);
    assert.ok(headers.location?.endsWith(`/${name}/${json.id}`));
    this.#lastIds[name] = json.id;
    return json.id;
  }

  #shown({ id, userId, title, body }: Post): object {
    return { id, title, body, user: { id: userId, username: this.users.get(userId)?.username } };
  }

  #userNamed(username: string): User | undefined {
    const spellings = NAMES.find((row) => row.includes(username)) ?? [username];
    return [...this.users.values()].find((user) => spellings.includes(user.username));
  }

  #name(): string {
    return this.#of(NAMES.flat());
  }

  /** Returns the unusual value in one of seven calls. */
  #mostly<T>(usual: T, unusual: T): T {
    return this.#below(7) === 0 ? unusual : usual;
  }

  #of<T>(things: readonly T[]): T {
    return things[this.#below(things.length)] as T;
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }
}

type Options = Omit<CallOptions, 'token'> & { readonly token?: string | undefined };

describe('the HTTP API in a random run', () => {
  const start = async (t: Cleanup, seed: number, databaseUrl = 'memory:') => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    t.after(() => agent.destroy());
    const run = new RandomRun(seededRandom(seed), agent);
    const settings = { DATABASE_URL: databaseUrl, JWT_SECRET_KEY: 'the same after every restart: 32 bytes' };
    let server = await startServer(t, settings);
    run.port = server.port;
    const restart = async () => {
      await server.close();
      server = await startServer(t, settings);
      run.port = server.port;
    };
    return { run, restart };
  };

  for (const [kind, seed, restarts] of [
    ['memory:', 20_261_123, 0],
    ['file:', 7_519, RESTARTS],
  ] as const) {
    it(`agrees with plain Maps on ${STEPS} random requests to ${kind}, ${restarts} restarts (seed ${seed})`, async (t) => {
      const databaseUrl = kind === 'memory:' ? kind : `file:${temporaryFolder(t)}/jot.jsonl`;
      const { run, restart } = await start(t, seed, databaseUrl);
      for (let step = 1; step <= STEPS; step++) {
        await run.step();
        if (restarts === 0 || step % (STEPS / restarts) !== 0) continue;
        await restart();
        await run.check();
      }
      await run.check();
      for (const status of [200, 201, 204, 304, 400, 401, 403, 404, 409, 412]) {
        const count = run.statuses.get(status) ?? 0;
        assert.ok(count >= 10, `too few responses with ${status} to show anything: ${count}`);
      }
    });
  }

  it('would detect a lost user', async (t) => {
    const { run } = await start(t, 1);
    while (run.users.size < 2) await run.step();
    await run.check();
    run.users.set(99, { id: 99, username: 'lost', password: 'foo' });
    await assert.rejects(run.check(), { name: 'AssertionError' });
  });
});
