// Somebody who uses a server that may die at any moment, and knows what has to be there afterwards: what was answered, and of
// the one request that was not, all or nothing.

import assert from 'node:assert/strict';
import type { Agent } from 'node:http';
import { nextOf } from '../server/answers.ts';
import { type Answer, type CallOptions, send } from '../server/server.ts';

const POSTS_MAX = 8;
const SESSIONS_MAX = 4;
const ENDED_KEPT = 8;
const PASSWORD = 'secret';

/** What all clients of one server have in common. */
export interface Ledger {
  /** Ids that were given out, by collection. */
  readonly ids: { readonly users: Set<number>; readonly posts: Set<number> };
  /** Hears of every answer to a write. */
  onAnswer: () => void;
}

export interface Where {
  readonly port: number;
  readonly agent: Agent;
}

interface Text {
  readonly title: string;
  readonly body: string;
}

interface Session {
  /** From the login, so it is fresh. */
  readonly access: string;
  /** The newest one. */
  refresh: string;
}

export class KillClient {
  readonly #name: string;
  readonly #random: () => number;
  readonly #ledger: Ledger;
  #names = 0;
  #user: { readonly id: number; readonly username: string } | null = null;
  #posts = new Map<number, Text>();
  #live: Session[] = [];
  #ended: Session[] = [];
  /** Sessions whose tokens never arrived. */
  #unknown = 0;
  /** Finds out what became of the request that was not answered. */
  #settle: ((where: Where) => Promise<void>) | null = null;

  constructor(name: string, random: () => number, ledger: Ledger) {
    this.#name = name;
    this.#random = random;
    this.#ledger = ledger;
  }

  get username(): string | null {
    return this.#user?.username ?? null;
  }

  /** Writes something. */
  async step(where: Where): Promise<void> {
    const [session] = this.#live;
    if (this.#user === null) return this.#signUp(where);
    if (session === undefined) return this.#signIn(where);
    const { size } = this.#posts;
    const kind = this.#random();
    if (kind < 0.02) return this.#removeUser(where, session);
    if (kind < 0.1 && this.#live.length < SESSIONS_MAX) return this.#signIn(where);
    if (kind < 0.16 && this.#live.length > 1) return this.#signOut(where);
    if (kind < 0.24) return this.#refresh(where, this.#any(this.#live));
    if (size < 3 || (kind < 0.32 && size < POSTS_MAX)) return this.#createPost(where, session);
    if (kind < 0.38) return this.#removePost(where, session);
    return this.#changePost(where, session);
  }

  /** Everything that was answered is there, and nothing that was ended. Then this client can go on. */
  async check(where: Where): Promise<void> {
    await this.#settle?.(where);
    this.#settle = null;
    for (const { access, refresh } of this.#ended) {
      assert.equal((await call(where, 'GET', '/auth', { token: access })).status, 401, 'an ended session');
      const again = await call(where, 'POST', '/auth/refresh', { json: { refresh_token: refresh } });
      assert.equal(again.status, 401, 'a refresh token of an ended session');
    }
    for (const { access } of this.#live) {
      const { status, json } = await call(where, 'GET', '/auth', { token: access });
      assert.deepEqual([status, json.id], [200, this.#user?.id], 'a session');
    }
    const [session] = this.#live;
    if (session === undefined) return;
    assert.deepEqual(await this.#postsThere(where, session), this.#posts);
    const sessions = await this.#countSessions(where, session);
    assert.equal(sessions, this.#live.length + this.#unknown, 'the number of sessions');
    await this.#refresh(where, session);
  }

  async #signUp(where: Where): Promise<void> {
    const username = `${this.#name}-${++this.#names}`;
    const begin = (id: number) => {
      this.#note('users', id);
      this.#user = { id, username };
      this.#posts = new Map();
      this.#unknown = 0;
    };
    const { json } = await this.#write(
      201,
      where,
      ['POST', '/users', { json: { username, password: PASSWORD } }],
      {
        settle: async (then) => {
          const { json: users } = await call(then, 'GET', '/users?limit=200');
          const found = users.find((user: { username: string }) => user.username === username);
          if (found !== undefined) begin(found.id);
        },
      },
    );
    begin(json.id);
  }

  async #signIn(where: Where): Promise<void> {
    const { username } = this.#user ?? {};
    const known = this.#live.length + this.#unknown;
    const request = ['POST', '/auth', { json: { username, password: PASSWORD } }] as const;
    const { json } = await this.#write(200, where, request, {
      settle: async (then) => {
        const [session] = this.#live;
        // Without a session there is nobody to ask, and the next login is one of a user that may have one already.
        if (session === undefined) {
          await this.#signIn(then);
          this.#unknown = (await this.#countSessions(then, this.#any(this.#live))) - 1;
          assert.ok(this.#unknown - known <= 1 && this.#unknown >= known, `${this.#unknown} of ${known}`);
        } else if ((await this.#countSessions(then, session)) > known) this.#unknown++;
      },
    });
    this.#live.push({ access: json.access_token, refresh: json.refresh_token });
  }

  async #signOut(where: Where): Promise<void> {
    const session = this.#any(this.#live);
    const end = () => this.#end(...this.#live.splice(this.#live.indexOf(session), 1));
    await this.#write(204, where, ['POST', '/auth/logout', { token: session.access }], {
      settle: async (then) => {
        const { status } = await call(then, 'GET', '/auth', { token: session.access });
        if (status === 401) end();
      },
    });
    end();
  }

  // The token that was sent counts as the newest one or as the one before: either way it gives the next.
  async #refresh(where: Where, session: Session): Promise<void> {
    const request = ['POST', '/auth/refresh', { json: { refresh_token: session.refresh } }] as const;
    const settle = (then: Where) => this.#refresh(then, session);
    session.refresh = (await this.#write(200, where, request, { settle })).json.refresh_token;
  }

  async #removeUser(where: Where, { access }: Session): Promise<void> {
    const { id = 0, username = '' } = this.#user ?? {};
    const end = () => {
      this.#user = null;
      this.#end(...this.#live.splice(0));
    };
    await this.#write(204, where, ['DELETE', `/users/${id}`, { token: access }], {
      settle: async (then) => {
        const { json: users } = await call(then, 'GET', '/users?limit=200');
        if (!users.some((user: { username: string }) => user.username === username)) end();
      },
    });
    end();
  }

  async #createPost(where: Where, session: Session): Promise<void> {
    const text = this.#text();
    const put = (id: number) => {
      this.#note('posts', id);
      this.#posts.set(id, text);
    };
    const { json } = await this.#write(
      201,
      where,
      ['POST', this.#path(), { json: text, token: session.access }],
      {
        settle: async (then) => {
          const there = [...(await this.#postsThere(then, session)).keys()];
          for (const id of there.filter((each) => !this.#posts.has(each))) put(id);
        },
      },
    );
    put(json.id);
  }

  async #changePost(where: Where, session: Session): Promise<void> {
    const id = this.#any([...this.#posts.keys()]);
    const text = this.#text();
    const put = () => this.#posts.set(id, text);
    await this.#write(200, where, ['PATCH', this.#path(id), { json: text, token: session.access }], {
      settle: async (then) => {
        if ((await this.#postsThere(then, session)).get(id)?.title === text.title) put();
      },
    });
    put();
  }

  async #removePost(where: Where, session: Session): Promise<void> {
    const id = this.#any([...this.#posts.keys()]);
    const remove = () => this.#posts.delete(id);
    await this.#write(204, where, ['DELETE', this.#path(id), { token: session.access }], {
      settle: async (then) => {
        if (!(await this.#postsThere(then, session)).has(id)) remove();
      },
    });
    remove();
  }

  async #write(
    status: number,
    where: Where,
    request: readonly [method: string, path: string, options: CallOptions],
    { settle }: { readonly settle: (where: Where) => Promise<void> },
  ): Promise<Answer> {
    this.#settle = settle;
    const answer = await call(where, ...request);
    this.#settle = null;
    assert.equal(answer.status, status, `${request[0]} ${request[1]}: ${answer.text}`);
    this.#ledger.onAnswer();
    return answer;
  }

  async #postsThere(where: Where, { access }: Session): Promise<Map<number, Text>> {
    const posts = new Map<number, Text>();
    for (let next: string | null = this.#path(); next !== null; ) {
      const page: Answer = await call(where, 'GET', next, { token: access });
      assert.equal(page.status, 200);
      for (const { id, title, body } of page.json) posts.set(id, { title, body });
      next = nextOf(page);
    }
    return posts;
  }

  async #countSessions(where: Where, { access }: Session): Promise<number> {
    return (await call(where, 'GET', '/auth/sessions', { token: access })).json.length;
  }

  #note(name: 'users' | 'posts', id: number): void {
    assert.equal(this.#ledger.ids[name].has(id), false, `id ${id} of ${name} is given out again`);
    this.#ledger.ids[name].add(id);
  }

  #end(...sessions: readonly Session[]): void {
    this.#ended = [...this.#ended, ...sessions].slice(-ENDED_KEPT);
  }

  #path(id?: number): string {
    return `/users/${this.#user?.id}/posts${id === undefined ? '' : `/${id}`}`;
  }

  // Tens of thousands of bytes, so that most of the file is soon dead and compaction never far.
  #text(): Text {
    const title = `${this.#name} ${this.#random()}`;
    return { title, body: title.repeat(Math.ceil((10_000 + this.#random() * 40_000) / title.length)) };
  }

  #any<T>(things: readonly T[]): T {
    return things[Math.floor(this.#random() * things.length)] as T;
  }
}

function call({ port, agent }: Where, method: string, path: string, options: CallOptions = {}) {
  return send(port, method, path, { ...options, agent });
}
