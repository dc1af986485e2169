// What the model of the API keeps, and who is who in it: plain Maps, and the rules for tokens and tags.
//
// It can't make tokens or tags. It learns them from the server's answers, and from then on knows what each has to do.

import { type Asked, type ListQuery, pageOf, Refused, timeText } from './plain-checks.ts';

export interface User {
  readonly id: number;
  readonly username: string;
  readonly password: string;
  readonly created: number;
  /** Counts the changes: what a tag of the user stands for. */
  readonly version: number;
}

export interface Post {
  readonly id: number;
  readonly userId: number;
  readonly title: string;
  readonly body: string;
  readonly created: number;
  readonly updated: number;
}

export interface Session {
  readonly sid: string;
  readonly userId: number;
  readonly userAgent: string;
  readonly created: number;
  generation: number;
  lastUsed: number;
}

/** What a token says, and of which kind it is. */
export interface Token {
  readonly kind: 'access' | 'refresh';
  readonly identity: number;
  readonly sid: string;
  /** Seconds since the epoch. */
  readonly exp: number;
  readonly fresh: boolean;
  readonly generation: number;
}

const LEEWAY_SECONDS = 10;

export class PlainState {
  readonly users = new Map<number, User>();
  readonly posts = new Map<number, Post>();
  readonly sessions = new Map<string, Session>();
  readonly tokens = new Map<string, Token>();
  /** What each tag that was seen stood for. */
  readonly contents = new Map<string, string>();
  /** The tag that was last seen at a path. */
  readonly lastTags = new Map<string, string>();
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly #nameKey: (username: string) => string;

  /** @param nameKey The same text for usernames that are the same. */
  constructor(now: () => number, nameKey: (username: string) => string) {
    this.now = now;
    this.#nameKey = nameKey;
  }

  userNamed(username: string): User | undefined {
    const key = this.#nameKey(username);
    return [...this.users.values()].find((user) => this.#nameKey(user.username) === key);
  }

  endSessions(user: User, except?: Session): void {
    for (const session of this.sessions.values()) {
      if (session.userId === user.id && session !== except) this.sessions.delete(session.sid);
    }
  }

  /** The caller, who has to be the user of that id. */
  owner(asked: Asked, id: string | undefined, fresh = false): { user: User; session: Session } {
    const { user, session, token } = this.caller(asked);
    if (String(user.id) !== id) throw new Refused(403, 'Forbidden');
    if (fresh && !token.fresh) {
      throw new Refused(401, 'Fresh Token Required', { description: 'Sign in again to do this' });
    }
    return { user, session };
  }

  caller({ headers }: Asked): { user: User; session: Session; token: Token } {
    const refuse = (error: string, description: string) => new Refused(401, error, { description });
    const [scheme, text, ...rest] = (headers.authorization ?? '').split(' ').filter((part) => part !== '');
    if (scheme === undefined)
      throw refuse('Authorization Required', 'Request does not contain an access token');
    if (!['jwt', 'bearer'].includes(scheme.toLowerCase())) {
      throw refuse('Invalid JWT header', 'Unsupported authorization type');
    }
    if (text === undefined) throw refuse('Invalid JWT header', 'Token missing');
    if (rest.length > 0) throw refuse('Invalid JWT header', 'Token contains spaces');
    const token = this.read(text, 'access');
    const session = this.sessionOf(token);
    return { user: this.#user(token), session, token };
  }

  read(text: string, kind: Token['kind']): Token {
    if (text.split('.').length < 3) throw invalidToken('Not enough segments');
    const token = this.tokens.get(text);
    if (token === undefined) throw invalidToken('Signature verification failed');
    if (token.kind !== kind) throw new Refused(401, 'Invalid token');
    if (this.now() / 1000 >= token.exp + LEEWAY_SECONDS) throw invalidToken('Signature has expired');
    return token;
  }

  #user({ identity }: Token): User {
    const user = this.users.get(identity);
    if (user === undefined) {
      throw new Refused(401, 'Invalid JWT', { description: 'User does not exist' });
    }
    return user;
  }

  sessionOf(token: Token): Session {
    this.#user(token);
    const session = this.sessions.get(token.sid);
    if (session === undefined) throw invalidToken('Token has been revoked');
    return session;
  }

  ownPost(user: User, id: string | undefined): Post {
    const post = this.posts.get(Number(id));
    if (post?.userId !== user.id) throw new Refused(404, 'Not Found');
    return post;
  }

  postsOf({ id }: User): Post[] {
    return [...this.posts.values()].filter(({ userId }) => userId === id);
  }

  requireMatch({ headers }: Asked, isCurrent: (content: string) => boolean): void {
    const given = headers['if-match'];
    if (given === undefined || given === '*') return;
    const content = this.contents.get(given);
    if (content === undefined || !isCurrent(content)) throw new Refused(412, 'Precondition Failed');
  }

  requireSamePost(asked: Asked, post: Post, user: User): void {
    const current = ` ${JSON.stringify(this.postJson(post, user))}`;
    this.requireMatch(asked, (content) => content === current);
  }

  userJson(user: User, query?: ListQuery): unknown {
    const posts = pageOf(this.postsOf(user), query).rows.map((post) => this.postJson(post, user));
    return { id: user.id, username: user.username, created: timeText(user.created), posts };
  }

  postJson({ id, title, body, created, updated }: Post, user: User): unknown {
    return {
      id,
      title,
      body,
      created: timeText(created),
      updated: timeText(updated),
      user: { id: user.id, username: user.username },
    };
  }
}

/** @param description In the contract's words, where it has any. */
export function invalidToken(description: string): Refused {
  return new Refused(401, 'Invalid token', { description });
}
