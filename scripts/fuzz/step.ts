// One request of a run. It must be repeatable on another server, where ids, tokens and ETags
// differ. So instead of such a value, it contains a reference to an earlier response:
// `(!12.json.access_token!)` for step 12. None of these characters is escaped in JSON, URLs or
// forms.

import { once } from 'node:events';
import { type ClientRequest, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { buffer } from 'node:stream/consumers';
import type { Operation } from './openapi.ts';
import type { Person } from './requests.ts';
import type { Target } from './target.ts';

export const REFERENCE = /\(!(\d+)\.([\w.]+)!\)/g;

export interface Step {
  readonly number: number;
  /** The account whose token and resources it uses, unless it is spoiled. */
  readonly person: Person;
  /** Milliseconds that pass before it. */
  readonly passMs: number;
  /** Null if the document has no operation for this method and path. */
  operation: Operation | null;
  method: string;
  path: string;
  query: string;
  /** An empty value is not sent. */
  headers: Record<string, string>;
  /** One character per byte. */
  body: string | null;
  /** The value that the body encodes; undefined if the body is malformed or there is none. */
  value: Readonly<Record<string, unknown>> | undefined;
  /** Whether the request is valid by the document, apart from its token. */
  isValid: boolean;
}

export interface Received {
  /** 0 if there was no response. */
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
  /** The body as JSON; undefined if it is not JSON. */
  readonly json: unknown;
}

export function reference(step: number, path: string): string {
  return `(!${step}.${path}!)`;
}

/** Sends the step and stores the response at `responses[step.number]`. */
export async function send(step: Step, target: Target, responses: Received[]): Promise<Received> {
  target.pass(step.passMs);
  const resolved = (text: string) =>
    text.replace(REFERENCE, (_, number, path) => textAt(responses[number], path));
  const present = Object.entries(step.headers).filter(([, value]) => value !== '');
  const headers = Object.fromEntries(present.map(([name, value]) => [name, resolved(value)]));
  const body = step.body === null ? undefined : Buffer.from(resolved(step.body), 'latin1');
  if (body !== undefined) headers['Content-Length'] = String(body.length);
  const path = resolved(step.path + step.query);
  const options = { host: '127.0.0.1', port: target.port, method: step.method, path, headers };
  const received = await receive(httpRequest(options).end(body)).catch(
    (error): Received => ({ status: 0, headers: {}, bytes: Buffer.of(), json: String(error) }),
  );
  responses[step.number] = received;
  return received;
}

async function receive(request: ClientRequest): Promise<Received> {
  const [response] = await once(request, 'response');
  const bytes = await buffer(response);
  return { status: response.statusCode, headers: response.headers, bytes, json: parseJson(bytes) };
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
}

function textAt(received: Received | undefined, path: string): string {
  const value = path.split('.').reduce<unknown>((parent, key) => Object(parent)[key], received);
  return String(value ?? 'nothing');
}

/** Sets the body and the value that it encodes: as a form if `prefersForm` and a form can, else as JSON. */
export function setBody(step: Step, value: NonNullable<Step['value']>, prefersForm: boolean): void {
  const isForm = prefersForm && Object.values(value).every((each) => typeof each === 'string');
  const text = isForm ? formOf(value) : JSON.stringify(value);
  step.value = value;
  step.body = Buffer.from(text).toString('latin1');
  step.headers['Content-Type'] = isForm ? 'application/x-www-form-urlencoded' : 'application/json';
}

function formOf(value: Readonly<Record<string, unknown>>): string {
  const pairs = Object.entries(value);
  return pairs.map(([name, each]) => `${percentEncoded(name)}=${percentEncoded(each)}`).join('&');
}

export function percentEncoded(value: unknown): string {
  return encodeURIComponent(String(value).toWellFormed());
}
