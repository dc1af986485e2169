// The rules for every response. The document describes its status, headers and body.

import { problemsOf } from './json-schema.ts';
import type { DocumentedResponse, Operations } from './openapi.ts';
import type { Received, Step } from './step.ts';

/** A rule that a response breaks. */
export interface Fault {
  readonly rule: string;
  readonly text: string;
}

/** Returns the problems with a response. `expected` is its description in the document. */
type Rule = (step: Step, received: Received, expected: DocumentedResponse) => readonly string[];

// Header fields by status, with the values that they may have.
const HEADERS: Readonly<Record<string, Readonly<Record<string, RegExp>>>> = {
  always: {
    'x-request-id': /^[\w.-]{1,64}$/,
    'x-content-type-options': /^nosniff$/,
    'cache-control': /./,
    server: /^$/,
    'x-powered-by': /^$/,
  },
  401: { 'www-authenticate': /./ },
  405: { allow: /./ },
  429: { 'retry-after': /^[1-9]\d*$/ },
  503: { 'retry-after': /^[1-9]\d*$/ },
};

const RULES: Readonly<Record<string, Rule>> = {
  status({ operation, method }, { status, json }) {
    const elsewhere = method === 'OPTIONS' ? [204, 400, 404] : [400, 404, 405];
    const statuses = operation === null ? elsewhere : Object.keys(operation.responses).map(Number);
    const isWrong = (status >= 500 && status !== 503) || !statuses.includes(status);
    return problem(isWrong, `expected ${statuses.join(', ')}${status === 0 ? `; got ${json}` : ''}`);
  },

  length({ method }, { status, headers, bytes }) {
    const length = headers['content-length'];
    if (status === 204 || status === 304) return problem(length !== undefined, 'there is no body');
    const isWrong = method === 'HEAD' ? length === undefined : length !== String(bytes.length);
    return problem(isWrong, `Content-Length is ${length}; the body has ${bytes.length} bytes`);
  },

  header(_, { status, headers, json }, expected) {
    // A list has a next page only while there is more.
    const documented = Object.keys(expected.headers ?? {}).filter((name) => name !== 'Link');
    const secret = Object(json).access_token === undefined ? {} : { 'cache-control': /^no-store$/ };
    const isCoding = headers['accept-encoding'] !== undefined;
    const accept = status === 415 && !isCoding ? { accept: /./ } : {};
    const named = Object.fromEntries(documented.map((name) => [name.toLowerCase(), /./]));
    const all = { ...HEADERS.always, ...HEADERS[status], ...named, ...secret, ...accept };
    const wrong = Object.entries(all).filter(([name, pattern]) => !pattern.test(String(headers[name] ?? '')));
    return wrong.map(([name]) => `${name} is ${headers[name]}`);
  },

  body({ method }, { headers, bytes, json }, expected) {
    if (method === 'HEAD') return [];
    if (expected.content === undefined) return problem(bytes.length > 0, 'expected none');
    const [type = ''] = headers['content-type']?.split(';') ?? [];
    const schema = expected.content[type]?.schema;
    if (schema === undefined) return [`the type ${type} is not documented`];
    return problemsOf(type === 'application/json' ? json : bytes.toString(), schema, 'rejected');
  },

  error({ method }, { status, json }) {
    if (status < 400 || method === 'HEAD') return [];
    const { status_code, error, description, code, fields } = Object(json);
    const isNamed = fields === undefined || (status === 400 && Object.keys(fields).length > 0);
    return problem(
      status_code !== status || !error || !description || !code || !isNamed,
      JSON.stringify(json),
    );
  },

  rejected: ({ isValid }, { status }) => problem(isValid && [400, 413, 415].includes(status), 'it is valid'),

  accepted({ operation, value }, { status }) {
    if (!operation?.body || value === undefined || status !== operation.success) return [];
    // Jot normalizes texts to NFC, and limits their length after that.
    const stored = JSON.parse(JSON.stringify(value), (_, each) => each?.normalize?.('NFC') ?? each);
    return problemsOf(stored, operation.body, 'ignored');
  },
};

/** Returns the first rule that the response breaks, or null. */
export function faultOf(step: Step, received: Received, operations: Operations): Fault | null {
  const { operation, method } = step;
  const { status } = received;
  // Every operation documents 400, and errors have one schema.
  const failure = status >= 400 ? operations[0]?.responses[400] : undefined;
  const expected = operation?.responses[status] ?? failure ?? {};
  for (const [rule, check] of Object.entries(RULES)) {
    const problems = check(step, received, expected);
    const name = operation?.name ?? `an undocumented ${method}`;
    if (problems.length > 0) return { rule, text: `${rule}: ${problems.join(', ')} (${status} to ${name})` };
  }
  return null;
}

function problem(isBroken: boolean, text: string): readonly string[] {
  return isBroken ? [text] : [];
}
