// Requests at random: mostly ones that make sense for what there is at the moment, and some of every kind that does not.

import type { Asked } from './plain-checks.ts';
import type { PlainState, Token } from './plain-state.ts';

// Names that are the same one stand in one row: case, compatibility forms and ways of writing an accent don't count.
const NAMES: readonly (readonly string[])[] = [
  ['matt', 'Matt', 'MATT', 'ｍａｔｔ'],
  ['elie', 'ELIE'],
  ['tim', 'Tim'],
  ['zoé', 'zoe\u0301', 'ZOÉ', 'ZOE\u0301'],
  ['straße', 'STRASSE', 'strasse'],
  ['ﬁn', 'fin', 'FIN'],
  ['a b'],
  ['x'.repeat(64)],
];
const PASSWORDS = ['foo', 'boom', 'correct horse', 'pä', 'pa\u0308', 'x'.repeat(1024)];
const TITLES = ['First', 'Second', ' ', '𝄞'.repeat(200), 'Zeile\nzwei', '__proto__', '\u0000'];
const BODIES = ['', 'Hello', 'é', 'e\u0301', '"quoted" \\ and / escaped', '\u2028', 'long '.repeat(500)];
const BAD_NAMES = [
  undefined,
  '',
  ' matt',
  'matt\t',
  'a\u0007b',
  'x'.repeat(65),
  'half \ud800',
  5,
  null,
  ['matt'],
];
const BAD_PASSWORDS = [undefined, '', 'a\u0000', 'x'.repeat(1025), 'é'.repeat(513), '\udc00', 5, null, {}];
const BAD_TITLES = [undefined, '', 'x'.repeat(201), '𝄞'.repeat(201), '\udfff', 7, null, true];
const BAD_BODIES = [undefined, 'half \ud83d', 7, null, false, []];
const BAD_HEADERS = ['', 'Basic bWF0dDpmb28=', 'JWT', 'Bearer  ', 'JWT one two', 'JWT abc', 'jwt abc.def'];
const BAD_IDS = ['0', '007', '-1', '1.0', 'abc', '99999', '9007199254740993'];
const BAD_QUERIES = [
  'limit=0',
  'limit=201',
  'limit=x',
  'after=-1',
  'order=up',
  'limit=1&limit=2',
  'after=01&order=',
];
const NOWHERE = ['/nowhere', '/users/', '/users/1/posts/1/2', '/Users', '/auth/nothing', '//users'];
const LIVE_SECONDS_MIN = 1;

/** The same text for names that are the same, for those above. */
export function nameKey(username: string): string {
  return NAMES.find((spellings) => spellings.includes(username))?.[0] ?? username;
}

type Values = Readonly<Record<string, unknown>>;
interface Who {
  readonly authorization: string | undefined;
  readonly id: string;
}

export class RandomRequests {
  readonly #random: () => number;
  readonly #state: PlainState;

  constructor(random: () => number, state: PlainState) {
    this.#random = random;
    this.#state = state;
  }

  below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  next(): Asked {
    // After a while without tokens that still work, somebody has to sign in again.
    if (this.#live().length < 4 && this.below(2) === 0) return this.of([this.#signIn, this.#signUp])();
    const choices: readonly (readonly [weight: number, make: () => Asked])[] = [
      [6, this.#signUp],
      [12, this.#signIn],
      [6, this.#refresh],
      [1, () => this.#call('POST', '/auth/logout', this.#who())],
      [3, () => this.#call('GET', `/auth${this.#query()}`, this.#who())],
      [3, () => this.#call('GET', '/auth/sessions', this.#who())],
      [1, () => this.#call('DELETE', this.of(['/auth/sessions', this.#sessionPath()]), this.#who())],
      [6, () => this.#read(`/users${this.#query()}`, this.#who())],
      [10, this.#onUser],
      [18, this.#createPost],
      [34, this.#onPosts],
      [2, () => this.#call(this.of(['GET', 'POST', 'DELETE']), this.of(NOWHERE), this.#who())],
      [2, () => this.#call('PATCH', this.of(['/users', '/auth', '/auth/refresh', '/signup']), this.#who())],
    ];
    return this.of(choices.flatMap(([weight, make]) => Array<() => Asked>(weight).fill(make)))();
  }

  of<T>(things: readonly T[]): T {
    return things[this.below(things.length)] as T;
  }

  /** One of the good ones, or now and then one of the bad ones. */
  #mostly<T>(good: readonly T[], bad: readonly unknown[]): unknown {
    return this.below(12) === 0 ? this.of(bad) : this.of(good);
  }

  readonly #signUp = (): Asked => {
    const values = { username: this.#mostly(NAMES.flat(), BAD_NAMES), password: this.#password() };
    return this.#call('POST', this.of(['/signup', '/users']), this.#who(), values);
  };

  readonly #signIn = (): Asked => {
    const user = this.of([...this.#state.users.values()]);
    const username =
      user === undefined || this.below(8) === 0 ? this.of(NAMES.flat()) : this.#spelling(user.username);
    const password = user === undefined || this.below(6) === 0 ? this.#password() : user.password;
    const asked = this.#call('POST', '/auth', { authorization: undefined, id: '' }, { username, password });
    const agent = this.of([{}, { 'user-agent': 'curl/8.5.0' }, { 'user-agent': 'x'.repeat(256) }]);
    return { ...asked, headers: { ...asked.headers, ...agent } };
  };

  readonly #refresh = (): Asked => {
    const texts = [...this.#state.tokens].filter(([, { kind }]) => kind === 'refresh').map(([text]) => text);
    const recent = texts.slice(-12);
    const token = this.#mostly(recent.length === 0 ? ['abc'] : recent, [
      undefined,
      5,
      'abc',
      this.#text(),
      texts[0],
    ]);
    return this.#call(
      'POST',
      '/auth/refresh',
      { authorization: undefined, id: '' },
      { refresh_token: token },
    );
  };

  readonly #onUser = (): Asked => {
    const who = this.#who();
    const path = `/users/${who.id}`;
    const username = this.#mostly(NAMES.flat(), BAD_NAMES);
    const change = this.of<Values>([{ username }, { password: this.#password() }, {}, { id: 9, username }]);
    const choices: readonly (() => Asked)[] = [
      () => this.#read(`${path}${this.#query()}`, who),
      () => this.#read(path, who),
      () => this.#write('PUT', path, who, { username, password: this.#password() }),
      () => this.#write('PATCH', path, who, change),
      () => this.#write('PATCH', path, who, { username }),
      () => (this.below(4) === 0 ? this.#write('DELETE', path, who) : this.#read(path, who)),
    ];
    return this.of(choices)();
  };

  readonly #createPost = (): Asked => {
    const who = this.#who();
    return this.#call('POST', `/users/${who.id}/posts`, who, this.#post());
  };

  readonly #onPosts = (): Asked => {
    const who = this.#who();
    const own = [...this.#state.posts.values()].filter(({ userId }) => String(userId) === who.id);
    const any = [...this.#state.posts.keys()].map(String);
    const id = this.#mostly(own.length > 0 ? own.map((post) => String(post.id)) : ['1'], [
      ...BAD_IDS,
      ...any,
    ]);
    const path = `/users/${who.id}/posts/${String(id)}`;
    const { title, body } = this.#post();
    const change = this.of<Values>([{ title }, { body }, { title, body }, {}, { user_id: 1 }]);
    const choices: readonly (() => Asked)[] = [
      () => this.#read(`/users/${who.id}/posts${this.#query()}`, who),
      () => this.#read(path, who),
      () => this.#write('PUT', path, who, { title, body }),
      () => this.#write('PATCH', path, who, change),
      () => this.#write('DELETE', path, who),
    ];
    return this.of(choices)();
  };

  /** A caller, and the id of a user: mostly that caller's own. */
  #who(): Who {
    const ids = [...this.#state.users.keys(), 1].map(String);
    const live = this.of(this.#live());
    if (live === undefined || this.below(12) === 0) {
      const authorization = this.of([
        undefined,
        ...BAD_HEADERS,
        `JWT ${this.#text()}`,
        `JWT ${this.#forged()}`,
      ]);
      return { authorization, id: String(this.#mostly(ids, BAD_IDS)) };
    }
    const [text, { identity }] = live;
    const scheme = this.of(['JWT', 'Bearer', 'bearer', 'jWt']);
    return {
      authorization: `${scheme} ${text}`,
      id: String(this.#mostly([String(identity)], [...BAD_IDS, ...ids])),
    };
  }

  /** Access tokens that should work. */
  #live(): (readonly [text: string, token: Token])[] {
    const soon = this.#state.now() / 1000 + LIVE_SECONDS_MIN;
    const isLive = ({ kind, sid, exp }: Token) =>
      kind === 'access' && exp > soon && this.#state.sessions.has(sid);
    return [...this.#state.tokens].filter(([, token]) => isLive(token)).slice(-20);
  }

  /** Any token there ever was. */
  #text(): string {
    return this.of([...this.#state.tokens.keys()]) ?? 'abc';
  }

  /** A token with another signature. */
  #forged(): string {
    const text = this.#text();
    const at = text.lastIndexOf('.') + 1;
    return `${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`;
  }

  #sessionPath(): string {
    return `/auth/sessions/${this.of([...this.#state.sessions.keys(), 'nothing', '1', '%00'])}`;
  }

  #spelling(username: string): string {
    return this.of(NAMES.find((spellings) => spellings.includes(username)) ?? [username]);
  }

  #password(): unknown {
    return this.#mostly(PASSWORDS, BAD_PASSWORDS);
  }

  #post(): Values {
    return { title: this.#mostly(TITLES, BAD_TITLES), body: this.#mostly(BODIES, BAD_BODIES) };
  }

  #query(): string {
    if (this.below(3) === 0) return '';
    if (this.below(10) === 0) return `?${this.of(BAD_QUERIES)}`;
    const after = this.below(2) === 0 ? '' : `&after=${this.below(40)}`;
    return `?limit=${1 + this.below(6)}${after}${this.of(['', '&order=asc', '&order=desc', '&unknown=1'])}`;
  }

  #read(path: string, who: Who): Asked {
    const asked = this.#call(this.below(10) === 0 ? 'HEAD' : 'GET', path, who);
    return this.below(3) === 0 ? withHeader(asked, 'if-none-match', this.#tag(path)) : asked;
  }

  #write(method: string, path: string, who: Who, values?: Values): Asked {
    const asked = this.#call(method, path, who, values);
    return this.below(3) === 0 ? withHeader(asked, 'if-match', this.#tag(path)) : asked;
  }

  /** Mostly the tag that was last seen there. */
  #tag(path: string): string {
    const last = this.#state.lastTags.get(path);
    const any = this.of([...this.#state.contents.keys()]) ?? '"none"';
    return last === undefined || this.below(5) === 0
      ? this.of([any, `W/${any}`, '"none"', '"', '"*"'])
      : last;
  }

  #call(method: string, path: string, { authorization }: Who, values?: Values): Asked {
    const headers = authorization === undefined ? {} : { authorization };
    const asked = { method, path, headers };
    if (values === undefined) return asked;
    if (this.below(15) === 0) return this.#broken(asked, values);
    const isText = Object.values(values).every((value) => typeof value === 'string' && value.isWellFormed());
    if (isText && this.below(4) === 0) {
      const body = new URLSearchParams(values as Record<string, string>).toString();
      return { ...withHeader(asked, 'content-type', 'application/x-www-form-urlencoded'), body };
    }
    const unknown: Values = this.below(6) === 0 ? { id: 7, created: 'now', toString: null } : {};
    return {
      ...withHeader(asked, 'content-type', 'application/json'),
      body: JSON.stringify({ ...unknown, ...values }),
    };
  }

  #broken(asked: Asked, values: Values): Asked {
    const json = JSON.stringify(values);
    const typed = (type: string, body: string) => ({ ...withHeader(asked, 'content-type', type), body });
    return this.of([
      asked,
      typed('text/plain', json),
      typed('application/json', json.slice(0, -1)),
      typed('application/json', `[${json}]`),
      typed('application/json', 'null'),
    ]);
  }
}

function withHeader(asked: Asked, name: string, value: string): Asked {
  return { ...asked, headers: { ...asked.headers, [name]: value } };
}
