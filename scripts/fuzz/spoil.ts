// The ways to spoil a valid request. Some keep it valid, such as a header that the server ignores.

import type { Schema } from './openapi.ts';
import type { World } from './requests.ts';
import { percentEncoded, REFERENCE, reference, type Step, setBody } from './step.ts';
import { oddValue, pick, type Random } from './values.ts';

// Node accepts 16 KiB of request line and headers.
const WORD_LENGTH_MAX = 2_000;
const METHODS = ['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE', 'PROPFIND'];
// For ids in a path and for a query: percent-encoded already, or malformed.
const WORDS = [
  ...'|0|-1|+1|007|1.0|1e3|1|2|abc|null|__proto__|constructor|..|1/|1;a=b|*|a=b'.split('|'),
  ...'%|%zz|%ff|%00|%2F|%31|%c0%ae|%2e%2e|1%20|9007199254740991|9007199254740992'.split('|'),
  'a'.repeat(WORD_LENGTH_MAX),
];

type Way = (step: Step, world: World) => void;

export function spoil(step: Step, world: World): void {
  const ways: Way[] = [spoilHeader, spoilHeader, spoilHeader, spoilQuery];
  if (step.operation !== null) ways.push(spoilMethod);
  if (step.operation?.body) ways.push(spoilField, spoilField, spoilField, spoilBody, spoilBody);
  if (step.path.match(REFERENCE) !== null) ways.push(spoilId, spoilId);
  step.isValid = false;
  pick(world.random, ways)(step, world);
}

const spoilHeader: Way = ({ headers }, world) => {
  const values = headerValues(world);
  const { random } = world;
  const present = Object.keys(headers);
  const name = pick(random, present.length > 0 && random() < 0.6 ? present : Object.keys(values));
  headers[name] = pick(random, values[name] ?? ['']);
};

function headerValues({ random, sessions, etags }: World): Record<string, readonly string[]> {
  // The session may be another person's, and it may have ended.
  const session = pick(random, [0, ...sessions.slice(-20)]);
  const token = reference(session, 'json.access_token');
  const etag = pick(random, ['"none"', ...etags.slice(-5)]);
  const etagLists = `${etag}|W/${etag}|"a", ${etag}|*|none|"a|${'"a",'.repeat(500)}`.split('|');
  return {
    Authorization: [
      ...`|JWT|Basic YTpi|JWT ${token}|JWT ${token}|${token}|jwt ${token}`.split('|'),
      ...`bEaReR ${token}|JWT   ${token}|JWT, ${token}|JWT "${token}"|JWT ${token}A|JWT ${token}=`.split('|'),
      ...[`JWT ${token} ${token}`, `JWT ${reference(session, 'json.refresh_token')}`],
      // Too long; segments that are not JSON; a wrong signature; no signature; four segments.
      ...[`JWT ${'a'.repeat(9_000)}`, 'JWT bm8.bm8.bm8'],
      ...[`JWT eyJhbGciOiJIUzI1NiJ9.e30.${'A'.repeat(43)}`, 'JWT eyJhbGciOiJub25lIn0.e30.'],
      `JWT eyJhbGciOiJub25lIn0.${token}`,
    ],
    'Content-Type': [
      ...'|text/plain|application/xml|multipart/form-data; boundary=x|json|;|*/*'.split('|'),
      ...'application/json; charset=latin1|application/json;charset="utf-8"'.split('|'),
      ...'APPLICATION/JSON|application/json, text/plain|application/problem+json'.split('|'),
      ...'application/jsonx|application/x-www-form-urlencoded; charset=utf-16'.split('|'),
    ],
    'If-Match': etagLists,
    'If-None-Match': etagLists,
    'If-Modified-Since': ['Mon, 23 Nov 2026 12:00:00 GMT'],
    'X-Request-Id': ['a-b_c.1', 'not one; at all', 'a'.repeat(65)],
    Accept: ['text/html', 'application/xml;q=0.9'],
    'Accept-Encoding': ['gzip, br'],
    'Content-Encoding': ['gzip'],
    Origin: ['https://evil.example'],
    Range: ['bytes=0-1'],
  };
}

const spoilQuery: Way = (step, { random }) => {
  const parameters = step.operation?.query ?? [];
  const { name, schema } = pick(random, [...parameters, { name: 'unknown', schema: {} }]);
  const odd = `${name}=${oddWord(schema, random)}`;
  const word = oddWord({}, random);
  const others = `|=&&|${name}|${name}[]=1|${name.toUpperCase()}=1|${name}=1&${name}=1|${word}=1`.split('|');
  step.query = `?${pick(random, [odd, odd, odd, ...others])}`;
};

const spoilMethod: Way = (step, { operations, random }) => {
  const there = operations.filter(({ shape }) => shape === step.operation?.shape);
  step.method = pick(random, METHODS);
  // HEAD is GET without the body (RFC 9110 §9.3.2).
  const documented = step.method === 'HEAD' ? 'GET' : step.method;
  step.operation = there.find((each) => each.method === documented) ?? null;
};

const spoilId: Way = (step, { people, random }) => {
  const id = pick(random, step.path.match(REFERENCE) ?? []);
  const [other] = pick(random, people).resources.flatMap(({ path }) => path.match(REFERENCE) ?? []);
  const word = oddWord({}, random);
  step.path = step.path.replace(id, pick(random, [other ?? word, word, word]));
};

const spoilField: Way = (step, { random }) => {
  const value = { ...step.value };
  const [name, schema] = pick(random, Object.entries(step.operation?.body?.properties ?? {}));
  const { [name]: _, ...others } = value;
  const odd = { ...value, [name]: oddValue(schema, random) };
  const extra = { ...value, id: 1, user_id: 1, version: 9, password_hash: 'x', 'a.b': [] };
  const changed = pick(random, [odd, odd, odd, odd, odd, others, others, extra, {}]);
  setBody(step, changed, random() < 0.3);
};

const spoilBody: Way = (step, { random }) => {
  const json = step.body ?? '{}';
  const cut = Math.floor(random() * json.length);
  const [before, after] = [json.slice(0, cut), json.slice(cut)];
  const [name = 'a'] = Object.keys(step.operation?.body?.properties ?? {});
  step.value = undefined;
  step.body = pick(random, [
    ...'|null|[]|"text"|7|true|{|}|{"|{"a":}|{"a":1,}|{a:1}|NaN|{"a":1e999,"b":-0}'.split('|'),
    ...[before, json + json, `${json} trailing`, `/* a */ ${json}`, json.replaceAll('"', "'")],
    // A byte order mark, bytes that are not UTF-8, and characters that JSON does not allow.
    ...[`\u00ef\u00bb\u00bf${json}`, `${before}\u00ff${after}`, `${before}\0${after}`],
    ...['{"\\ud800":1}', '{"a":"\\uZZZZ"}', '{"a":"\t"}'],
    // Deep nesting, many properties and a large body.
    ...['{"a":'.repeat(10_000), `{"a":${'['.repeat(33)}${']'.repeat(33)}}`],
    ...[`{${'"a":1,'.repeat(5_000)}"b":2}`, ' '.repeat(64 * 1024) + json],
    json.replace(/^\{/, '{"__proto__":{"admin":true},"constructor":null,'),
    json.replace(/^\{("\w+":)/, '{$1"once",$1'),
    ...`${name}=%zz|${name}=%ff&b=%|${name}=a&${name}=b|&&=&|%61=a&${name}=b;c`.split('|'),
  ]);
};

/** An odd value for an id in a path or for a query. */
function oddWord(schema: Schema, random: Random): string {
  const value = percentEncoded(oddValue(schema, random)).slice(0, WORD_LENGTH_MAX);
  return pick(random, [value, pick(random, WORDS)]);
}
