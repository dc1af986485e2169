// What has to hold for every answer: it is one that the document announces, down to its fields, and it has the headers that
// no answer is without.

import { type Document, hasProperty, successOf } from './document.ts';
import { isReference } from './encode.ts';
import { type CheckOptions, problemsOf, undeclared } from './json-schema.ts';
import type { Answer, Step } from './steps.ts';

export interface Fault {
  /** Which rule was broken: two faults with the same rule are taken for the same. */
  readonly rule: string;
  readonly text: string;
}

const REFUSED_FOR_ITS_FORM = [400, 413, 415];

/** What is wrong with an answer, or null. */
export function faultOf(step: Step, answer: Answer, document: Document): Fault | null {
  const options: CheckOptions = { find: (reference) => document.find(reference) };
  for (const check of [checkStatus, checkHeaders, checkBody, checkError, checkJudgement]) {
    const fault = check(step, answer, options);
    if (fault !== null) return { ...fault, text: `${fault.text} (${answer.status} to ${nameOf(step)})` };
  }
  return null;
}

type Check = (step: Step, answer: Answer, options: CheckOptions) => Fault | null;

const checkStatus: Check = ({ operation, method }, { status, headers }) => {
  if (status >= 500 && status !== 503) return fault('server error', 'The server failed');
  if (status === 503 && headers['retry-after'] === undefined) return fault('retry', 'No Retry-After');
  const elsewhere = method === 'OPTIONS' ? [204, 400, 404] : [400, 404, 405];
  const documented = operation === null ? elsewhere : [...operation.responses.keys()];
  if (documented.includes(status)) return null;
  return fault('status', `The status is not documented; there are ${documented.join(', ')}`);
};

const checkHeaders: Check = ({ operation, method }, { status, headers, bytes }) => {
  const isBare = status === 204 || status === 304;
  const length = headers['content-length'];
  if (isBare && (length !== undefined || bytes.length > 0)) return fault('length', 'It has a body');
  const isWrong = method === 'HEAD' ? length === undefined : length !== String(bytes.length);
  if (!isBare && isWrong) return fault('length', `Content-Length is ${length} for ${bytes.length} bytes`);
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(String(headers['x-request-id']))) return fault('id', 'No X-Request-Id');
  if (headers['x-content-type-options'] !== 'nosniff') return fault('nosniff', 'It may be sniffed');
  if (headers['cache-control'] === undefined) return fault('cache', 'No Cache-Control');
  if (headers['x-powered-by'] !== undefined || headers.server !== undefined)
    return fault('name', 'It tells its name');
  if (status === 401 && headers['www-authenticate'] === undefined) return fault('401', 'No WWW-Authenticate');
  if (status === 405 && headers.allow === undefined) return fault('405', 'No Allow');
  if (status === 415 && !('accept' in headers || 'accept-encoding' in headers))
    return fault('415', 'No Accept');
  if (status === 429 && !/^[1-9]\d*$/.test(String(headers['retry-after'])))
    return fault('429', 'No Retry-After');
  // There is a next page only while there is more.
  const missing = operation?.responses
    .get(status)
    ?.headers.filter((name) => name !== 'Link' && headers[name.toLowerCase()] === undefined);
  if (missing !== undefined && missing.length > 0) return fault('header', `No ${missing.join(', ')}`);
  return null;
};

const checkBody: Check = ({ operation, method }, { status, headers, bytes, json }, options) => {
  const content = operation?.responses.get(status)?.content;
  if (method === 'HEAD' || content === undefined) return null;
  const [type = ''] = (headers['content-type'] ?? '').split(';');
  if (content.size === 0) return bytes.length === 0 ? null : fault('body', 'There should be no body');
  const schema = content.get(type);
  if (schema === undefined) return fault('type', `The type ${type} is not documented`);
  const value = type === 'application/json' ? json : bytes.toString();
  if (value === undefined) return fault('json', 'The body is not JSON');
  const problems = [...problemsOf(value, schema, options), ...undeclared(value, schema, options)];
  if (problems.length > 0) return fault('schema', `The body ${problems.slice(0, 5).join(', ')}`);
  const isSecret = hasProperty(schema, 'access_token');
  if (isSecret && headers['cache-control'] !== 'no-store')
    return fault('secret', 'A cache may keep the token');
  return null;
};

const checkError: Check = ({ method }, { status, json }) => {
  if (status < 400 || method === 'HEAD') return null;
  const body = (typeof json === 'object' && json !== null ? json : {}) as Record<string, unknown>;
  const { status_code: code, error, description, fields, ...rest } = body;
  const isShaped =
    code === status && isWords(error) && isWords(description) && Object.keys(rest).length === 0;
  if (!isShaped) return fault('error', `Not the shape of an error: ${JSON.stringify(json)?.slice(0, 300)}`);
  if (fields === undefined) return null;
  const words = Object.values(fields as object);
  const isNamed = status === 400 && words.length > 0 && words.every(isWords);
  return isNamed ? null : fault('fields', `Not problems by field: ${JSON.stringify(fields)}`);
};

const checkJudgement: Check = ({ operation, isValid, value }, { status }, options) => {
  if (operation === null) return null;
  if (isValid && REFUSED_FOR_ITS_FORM.includes(status))
    return fault('refused', 'A valid request was refused');
  const schema = operation.body;
  if (schema === null || value === undefined || status !== successOf(operation)) return null;
  const problems = problemsOf(normalized(value), schema, options);
  return problems.length === 0 ? null : fault('accepted', `Accepted, but ${problems.join(', ')}`);
};

// Lengths count what is kept, and that is in NFC. A reference stands for a text.
function normalized(value: unknown): unknown {
  const text = JSON.stringify(value, (_, each) => (isReference(each) ? 'a reference' : each));
  return JSON.parse(text, (_, each) => (typeof each === 'string' ? each.normalize('NFC') : each));
}

function isWords(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}

function nameOf({ operation, method }: Step): string {
  return operation === null ? `${method}, which is not there` : operation.name;
}

function fault(rule: string, text: string): Fault {
  return { rule, text };
}
