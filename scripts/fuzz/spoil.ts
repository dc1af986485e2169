// The ways in which a good request is spoiled.

import { type Document, type Operation, parameterIndexes, propertiesOf } from './document.ts';
import { formOf, isReference, jsonOf } from './encode.ts';
import type { Template } from './steps.ts';
import { oddBody, oddValue, pick, type Random } from './values.ts';
import type { Person, Token, World } from './world.ts';

/** A request that is still being made. */
export interface Draft {
  readonly operation: Operation;
  method: string;
  readonly segments: Template[];
  query: string;
  readonly headers: [name: string, value: Template][];
  authorization: Template | null;
  contentType: string | null;
  /** What the body says; undefined when that is not known. */
  value: unknown;
  body: Template | null;
  isValid: boolean;
  readonly person: Person | null;
  token: Token | null;
  /** It is about no operation any more. */
  isElsewhere: boolean;
}

const IDS = [
  ...[
    '0',
    '-1',
    '007',
    '1.0',
    '+1',
    '1e3',
    'abc',
    '',
    '1',
    '2',
    '%31',
    '%zz',
    '%',
    '%ff',
    '%00',
    '%2F',
    '%c0%ae',
  ],
  ...[
    '9007199254740991',
    '9007199254740992',
    '99999999999999999999999',
    '..',
    '%2e%2e',
    '1%20',
    '1;a=b',
    '1/',
    '*',
  ],
  ...['null', '__proto__', 'constructor', '%EF%BC%91', '%F0%9F%98%80', 'a'.repeat(2_000)],
];
const QUERIES = [
  ...[
    '?',
    '?=',
    '?&&',
    '?a',
    '?limit',
    '?limit=',
    '?limit=0',
    '?limit=-1',
    '?limit=201',
    '?limit=1.5',
    '?limit=abc',
  ],
  ...[
    '?limit=1&limit=2',
    '?limit[]=1',
    '?LIMIT=1',
    '?limit=%31',
    '?limit=%zz',
    '?%ff=1',
    '?a=%',
    '?after=-1',
  ],
  ...[
    '?after=9007199254740992',
    '?after=1e3',
    '?order=ASC',
    '?order=',
    '?order=desc&order=desc',
    '?limit=%00',
  ],
  ...['?__proto__=1&constructor=2', '?unknown=1', '?limit=200&after=9007199254740991&order=desc'],
];
const CONTENT_TYPES = [
  ...['text/plain', 'application/xml', 'multipart/form-data; boundary=x', 'application/json; charset=latin1'],
  ...[
    'application/json;charset="utf-8"',
    'APPLICATION/JSON',
    'application/problem+json',
    'json',
    ';',
    '/',
    '*/*',
  ],
  ...[
    'application/json, text/plain',
    'application/jsonx',
    'application/x-www-form-urlencoded; charset=utf-16',
  ],
];
const HEADERS: readonly (readonly [name: string, value: string])[] = [
  ['Accept', 'text/html'],
  ['Accept', 'application/xml;q=0.9'],
  ['Accept-Encoding', 'gzip, br'],
  ['Content-Encoding', 'gzip'],
  ['Content-Language', 'tlh'],
  ['Cookie', 'session=1; admin=true'],
  ['Forwarded', 'for=unknown'],
  ['If-Modified-Since', 'Mon, 23 Nov 2026 12:00:00 GMT'],
  ['Origin', 'https://evil.example'],
  ['Range', 'bytes=0-1'],
  ['X-Forwarded-For', '192.0.2.1'],
  ['X-HTTP-Method-Override', 'DELETE'],
  ['X-Request-Id', 'a-b_c.1'],
  ['X-Request-Id', 'not one; at all'],
  ['X-Request-Id', 'a'.repeat(65)],
];

type Way = (draft: Draft, world: World, random: Random, document: Document) => void;

/** Spoils it in one way; many of them change nothing that counts, which has to be shown too. */
export function spoil(draft: Draft, document: Document, world: World, random: Random): void {
  const { operation } = draft;
  const ways: Way[] = [otherHeader, otherTag, otherQuery, otherMethod];
  if (operation.body !== null) ways.push(otherField, otherField, otherField, otherBody, otherBody, otherType);
  if (operation.needsToken) ways.push(otherToken, otherToken, otherToken, otherScheme);
  if (parameterIndexes(operation).length > 0) ways.push(otherId, otherId, otherOwner);
  draft.isValid = false;
  pick(random, ways)(draft, world, random, document);
}

const otherHeader: Way = (draft, _, random) => {
  const [name, value] = pick(random, HEADERS);
  draft.headers.push([name, [value]]);
};

const otherTag: Way = (draft, { tags }, random) => {
  const known = tags.length === 0 ? '"none"' : pick(random, tags.slice(-5));
  const value = pick<Template>(random, [
    [known],
    [known],
    ['W/', known],
    ['"a", ', known],
    ['*'],
    ['"none"'],
    ['none'],
    [''],
    ['"a'],
    ['"a",'.repeat(1_000)],
  ]);
  draft.headers.push([pick(random, ['If-Match', 'If-None-Match']), value]);
};

const otherQuery: Way = (draft, _, random) => {
  draft.query = pick(random, QUERIES);
};

const otherMethod: Way = (draft, _, random, { operations }) => {
  const path = draft.operation.segments.join('/');
  const own = operations.filter(({ segments }) => segments.join('/') === path).map(({ method }) => method);
  const other = pick(random, ['OPTIONS', 'PUT', 'PATCH', 'DELETE', 'POST', 'PROPFIND', 'HEAD', 'HEAD']);
  const isHead = other === 'HEAD' && own.includes('GET');
  if (isHead && draft.operation.method !== 'GET') return;
  draft.isElsewhere = !isHead && !own.includes(other);
  draft.method = draft.isElsewhere || isHead ? other : draft.operation.method;
};

const otherId: Way = (draft, _, random) => {
  draft.segments[pick(random, parameterIndexes(draft.operation))] = [pick(random, IDS)];
};

const otherOwner: Way = (draft, { people }, random) => {
  const [index = 0] = parameterIndexes(draft.operation);
  const id = pick(random, people).resources[0]?.[index];
  if (id !== undefined) draft.segments[index] = [id];
};

const otherToken: Way = (draft, { people, ended }, random) => {
  const own = draft.person?.tokens ?? [];
  const others = people.filter((person) => person !== draft.person).flatMap(({ tokens }) => tokens);
  const refreshed = own.filter(({ isFresh }) => !isFresh);
  const some = pick(random, [own, others, refreshed, ended]);
  const token = some.length === 0 ? null : pick(random, some);
  draft.token = null;
  if (token === null) {
    draft.authorization = pick<Template | null>(random, [null, ['JWT a.b.c'], [`JWT ${'a'.repeat(9_000)}`]]);
    return;
  }
  const { reference, refresh } = token;
  draft.authorization = pick<Template>(random, [
    ['JWT ', reference],
    ['JWT ', reference],
    ['JWT ', { ...reference, cut: 4 }, 'AAAA'],
    ['JWT ', { ...reference, cut: 10 }],
    ['JWT ', reference, 'A'],
    ['JWT ', reference, '='],
    ['JWT ', { ...reference, cut: 43 }],
    ['JWT eyJhbGciOiJub25lIn0.', reference],
    ['JWT ', refresh],
  ]);
};

const otherScheme: Way = (draft, _, random) => {
  const token = draft.token?.reference ?? 'a.b.c';
  draft.authorization = pick<Template>(random, [
    ['jwt ', token],
    ['bEaReR ', token],
    ['JWT   ', token],
    ['Basic YTpi'],
    ['JWT'],
    ['JWT ', token, ' ', token],
    [token],
    [''],
    ['Bearer, JWT ', token],
    ['JWT "', token, '"'],
  ]);
};

const otherField: Way = (draft, _, random) => {
  const { operation } = draft;
  const value = { ...(draft.value as Record<string, unknown>) };
  const [name, schema] = pick(random, propertiesOf(operation.body));
  const kind = random();
  if (kind < 0.15) delete value[name];
  else if (kind < 0.2) for (const each of Object.keys(value)) delete value[each];
  else if (kind < 0.3) Object.assign(value, { extra: 1, is_admin: true, 'a.b': [] });
  else value[name] = oddValue(schema, random);
  const isText = Object.values(value).every((each) => typeof each === 'string' || isReference(each));
  const asForm = isText && draft.contentType !== 'application/json';
  draft.value = value;
  draft.contentType = asForm ? 'application/x-www-form-urlencoded' : 'application/json';
  draft.body = asForm ? formOf(value) : jsonOf(value);
};

const otherBody: Way = (draft, _, random) => {
  const plain = JSON.stringify(draft.value ?? {}, (__, each) => (isReference(each) ? 'text' : each));
  const bytes = Buffer.from(plain).toString('latin1');
  draft.body = pick<Template | null>(random, [
    null,
    [oddBody(bytes, random)],
    [oddBody(bytes, random)],
    ...[['title=%zz'], ['title=%ff&body=%'], ['title=a&title=b'], ['&&=&'], ['%74itle=a&body=b;c']],
  ]);
  draft.value = undefined;
  if (draft.body === null) draft.contentType = null;
};

const otherType: Way = (draft, _, random) => {
  draft.contentType = pick<string | null>(random, [null, ...CONTENT_TYPES]);
  draft.value = undefined;
};
