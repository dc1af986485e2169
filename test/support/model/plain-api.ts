// The whole API said a second time, as plainly as possible: Maps, and for every path what becomes of a request. It is far
// too slow and too trusting to be a server; it is there to be compared with one.

import {
  type Asked,
  isBody,
  isPassword,
  isTitle,
  isUsername,
  type ListQuery,
  pageOf,
  Refused,
  readBody,
  readListQuery,
  requireAll,
  requireSome,
  timeText,
} from './plain-checks.ts';
import { invalidToken, type PlainState, type Session, type User } from './plain-state.ts';

/** A pair of tokens that has to come: for a session that is known, or for one that is new. */
export interface Pair {
  readonly userId: number;
  readonly session: Session | null;
  readonly userAgent: string;
}

export interface Expected {
  readonly status: number;
  readonly refused?: Refused;
  /** Absent where there is no body. */
  readonly json?: unknown;
  readonly pair?: Pair;
  readonly location?: string;
  /** Where the next page is. */
  readonly next?: { readonly path: string; readonly query: ListQuery } | null;
  /** What the answer's tag stands for; absent where there need not be one. */
  readonly content?: string;
}

interface Call {
  readonly asked: Asked;
  readonly ids: readonly string[];
}

type Handler = (call: Call) => Expected;

const REUSE_LEEWAY_MS = 10_000;
const REFRESH_MS = 30 * 86_400_000;
const ID = '([1-9]\\d{0,14})';
const credentialChecks = { username: isUsername, password: isPassword };
const postChecks = { title: isTitle, body: isBody };
const NONE: Expected = { status: 204 };

export class PlainApi {
  readonly state: PlainState;
  #lastUserId = 0;
  #lastPostId = 0;

  /** @param state Empty. */
  constructor(state: PlainState) {
    this.state = state;
  }

  readonly #paths: readonly [path: string, methods: Readonly<Record<string, Handler>>][] = [
    ['/signup', { POST: (call) => this.#signUp(call) }],
    ['/users', { GET: (call) => this.#listUsers(call), POST: (call) => this.#signUp(call) }],
    [
      `/users/${ID}`,
      {
        GET: (call) => this.#readUser(call),
        PUT: (call) => this.#changeUser(call, requireAll),
        PATCH: (call) => this.#changeUser(call, requireSome),
        DELETE: (call) => this.#deleteUser(call),
      },
    ],
    [`/users/${ID}/posts`, { GET: (call) => this.#listPosts(call), POST: (call) => this.#createPost(call) }],
    [
      `/users/${ID}/posts/${ID}`,
      {
        GET: (call) => this.#readPost(call),
        PUT: (call) => this.#changePost(call, requireAll),
        PATCH: (call) => this.#changePost(call, requireSome),
        DELETE: (call) => this.#deletePost(call),
      },
    ],
    ['/auth', { POST: (call) => this.#signIn(call), GET: (call) => this.#whoAmI(call) }],
    ['/auth/refresh', { POST: (call) => this.#refresh(call) }],
    ['/auth/logout', { POST: (call) => this.#logout(call) }],
    ['/auth/sessions', { GET: (call) => this.#listSessions(call), DELETE: (call) => this.#endAll(call) }],
    ['/auth/sessions/([^/]+)', { DELETE: (call) => this.#endSession(call) }],
  ];

  /** What has to become of the request, and what it changes. */
  answer(asked: Asked): Expected {
    try {
      const expected = this.#answer(asked);
      return asked.method === 'HEAD' ? { ...expected, json: undefined } : expected;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return { status: error.status, refused: error };
    }
  }

  #answer(asked: Asked): Expected {
    const path = asked.path.split('?')[0] ?? '';
    for (const [pattern, methods] of this.#paths) {
      const parts = new RegExp(`^${pattern}$`).exec(path);
      if (parts === null) continue;
      const handler = methods[asked.method === 'HEAD' ? 'GET' : asked.method];
      const allow = [...Object.keys(methods), ...('GET' in methods ? ['HEAD'] : []), 'OPTIONS'];
      if (handler === undefined) throw new Refused(405, 'Method Not Allowed', { allow });
      return handler({ asked, ids: parts.slice(1) });
    }
    throw new Refused(404, 'Not Found');
  }

  #signUp({ asked }: Call): Expected {
    const { username, password } = requireAll(readBody(asked), credentialChecks);
    if (this.state.userNamed(username) !== undefined) throw taken();
    const id = ++this.#lastUserId;
    const user = { id, username: username.normalize('NFC'), password, created: this.state.now(), version: 1 };
    this.state.users.set(id, user);
    return { status: 201, json: this.state.userJson(user), location: `/users/${id}` };
  }

  #listUsers({ asked }: Call): Expected {
    const { rows, next } = pageOf([...this.state.users.values()], readListQuery(asked));
    const json = rows.map(({ id, username }) => ({ id, username }));
    return this.#conditional(asked, { json, content: '', next: next && { path: '/users', query: next } });
  }

  #readUser({ asked, ids }: Call): Expected {
    const { user } = this.state.owner(asked, ids[0]);
    return this.#userAnswer(asked, user, readListQuery(asked));
  }

  #whoAmI({ asked }: Call): Expected {
    const { user } = this.state.caller(asked);
    return this.#userAnswer(asked, user, readListQuery(asked));
  }

  #userAnswer(asked: Asked, user: User, query?: ListQuery): Expected {
    const { next } = pageOf(this.state.postsOf(user), query);
    return this.#conditional(asked, {
      json: this.state.userJson(user, query),
      content: `version ${user.version}`,
      next: next && { path: `/users/${user.id}/posts`, query: next },
    });
  }

  #changeUser({ asked, ids }: Call, take: typeof requireAll | typeof requireSome): Expected {
    const { user, session } = this.state.owner(asked, ids[0], true);
    const { username, password } = take(readBody(asked), credentialChecks);
    this.state.requireMatch(asked, (content) =>
      content.startsWith(`version ${user.version} {"id":${user.id},`),
    );
    const other = username === undefined ? undefined : this.state.userNamed(username);
    if (other !== undefined && other.id !== user.id) throw taken();
    const changed = {
      ...user,
      username: username?.normalize('NFC') ?? user.username,
      password: password ?? user.password,
      version: user.version + 1,
    };
    this.state.users.set(user.id, changed);
    if (password !== undefined) this.state.endSessions(user, session);
    return this.#userAnswer(asked, changed);
  }

  #deleteUser({ asked, ids }: Call): Expected {
    const { user } = this.state.owner(asked, ids[0], true);
    this.state.requireMatch(asked, (content) =>
      content.startsWith(`version ${user.version} {"id":${user.id},`),
    );
    this.state.users.delete(user.id);
    for (const { id } of this.state.postsOf(user)) this.state.posts.delete(id);
    this.state.endSessions(user);
    return NONE;
  }

  #listPosts({ asked, ids }: Call): Expected {
    const { user } = this.state.owner(asked, ids[0]);
    const { rows, next } = pageOf(this.state.postsOf(user), readListQuery(asked));
    const json = rows.map((post) => this.state.postJson(post, user));
    return this.#conditional(asked, {
      json,
      content: '',
      next: next && { path: `/users/${user.id}/posts`, query: next },
    });
  }

  #createPost({ asked, ids }: Call): Expected {
    const { user } = this.state.owner(asked, ids[0]);
    const { title, body } = requireAll(readBody(asked), postChecks);
    const id = ++this.#lastPostId;
    const post = { id, userId: user.id, title, body, created: this.state.now(), updated: this.state.now() };
    this.state.posts.set(id, post);
    return { status: 201, json: this.state.postJson(post, user), location: `/users/${user.id}/posts/${id}` };
  }

  #readPost({ asked, ids }: Call): Expected {
    const { user } = this.state.owner(asked, ids[0]);
    const post = this.state.ownPost(user, ids[1]);
    return this.#conditional(asked, { json: this.state.postJson(post, user), content: '' });
  }

  #changePost({ asked, ids }: Call, take: typeof requireAll | typeof requireSome): Expected {
    const { user } = this.state.owner(asked, ids[0]);
    const { title, body } = take(readBody(asked), postChecks);
    const post = this.state.ownPost(user, ids[1]);
    this.state.requireSamePost(asked, post, user);
    const changed = {
      ...post,
      title: title ?? post.title,
      body: body ?? post.body,
      updated: this.state.now(),
    };
    this.state.posts.set(post.id, changed);
    return this.#conditional(asked, { json: this.state.postJson(changed, user), content: '' });
  }

  #deletePost({ asked, ids }: Call): Expected {
    const { user } = this.state.owner(asked, ids[0]);
    const post = this.state.ownPost(user, ids[1]);
    this.state.requireSamePost(asked, post, user);
    this.state.posts.delete(post.id);
    return NONE;
  }

  #signIn({ asked }: Call): Expected {
    const { username, password } = readBody(asked);
    const user = typeof username === 'string' ? this.state.userNamed(username) : undefined;
    if (user === undefined || typeof password !== 'string' || !isSamePassword(user, password)) {
      throw new Refused(401, 'Bad Request', { description: 'Invalid credentials' });
    }
    return this.#pair({ userId: user.id, session: null, userAgent: asked.headers['user-agent'] ?? '' });
  }

  #refresh({ asked }: Call): Expected {
    const { refresh_token: text } = requireAll(readBody(asked), { refresh_token: isBody });
    const token = this.state.read(text, 'refresh');
    const session = this.state.sessionOf(token);
    const behind = session.generation - token.generation;
    const isLost = behind === 1 && this.state.now() - session.lastUsed < REUSE_LEEWAY_MS;
    if (behind > 0 && !isLost) {
      this.state.sessions.delete(session.sid);
      throw invalidToken('Token has been revoked');
    }
    if (behind === 0) {
      session.generation++;
      session.lastUsed = this.state.now();
    }
    return this.#pair({ userId: session.userId, session, userAgent: session.userAgent });
  }

  #pair(pair: Pair): Expected {
    return { status: 200, json: { token_type: 'JWT', expires_in: 300 }, pair };
  }

  #logout({ asked }: Call): Expected {
    this.state.sessions.delete(this.state.caller(asked).session.sid);
    return NONE;
  }

  #listSessions({ asked }: Call): Expected {
    const { user, session: current } = this.state.caller(asked);
    const own = [...this.state.sessions.values()].filter(({ userId }) => userId === user.id);
    const json = own.map((session) => ({
      id: session.sid,
      created: timeText(session.created),
      last_used: timeText(session.lastUsed),
      expires: timeText(session.lastUsed + REFRESH_MS),
      user_agent: session.userAgent,
      current: session === current,
    }));
    return { status: 200, json };
  }

  #endAll({ asked }: Call): Expected {
    this.state.endSessions(this.state.caller(asked).user);
    return NONE;
  }

  #endSession({ asked, ids }: Call): Expected {
    const { user } = this.state.caller(asked);
    const session = this.state.sessions.get(ids[0] ?? '');
    if (session?.userId !== user.id) throw new Refused(404, 'Not Found');
    this.state.sessions.delete(session.sid);
    return NONE;
  }

  /** An answer with a tag, or 304 where the client has that one already. */
  #conditional({ method, headers }: Asked, answer: Omit<Expected, 'status'> & { content: string }): Expected {
    const content = `${answer.content} ${JSON.stringify(answer.json)}`;
    const isRead = method === 'GET' || method === 'HEAD';
    const given = isRead ? headers['if-none-match'] : undefined;
    if (given !== undefined && this.state.contents.get(given.replace(/^W\//, '')) === content) {
      return { status: 304, content };
    }
    return { status: 200, ...answer, content };
  }
}

function isSamePassword(user: User, given: string): boolean {
  return user.password.normalize('NFC') === given.normalize('NFC');
}

function taken(): Refused {
  return new Refused(409, 'Conflict', { description: 'Username already exists' });
}
