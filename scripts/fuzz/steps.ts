// A step is one request, written so that it can be sent again to another server: what it takes from earlier answers, an id
// or a token, stands in it as a reference and not as the value that it had.

import { Agent, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import type { Operation } from './document.ts';

/** Something in the answer to an earlier step. */
export interface Reference {
  /** Its number. */
  readonly step: number;
  /** The body is JSON and `path` leads into it; of `Location`, `path` is the index of a segment. */
  readonly of: 'body' | 'location' | 'etag';
  readonly path: string;
  /** How many characters at its end are left out. */
  readonly cut?: number;
}

/** Text with references in it. Of a body, each character is one byte. */
export type Template = readonly (string | Reference)[];

export interface Step {
  readonly number: number;
  /** Null where there is none for this method and path. */
  readonly operation: Operation | null;
  readonly method: string;
  readonly target: Template;
  readonly headers: readonly (readonly [name: string, value: Template])[];
  readonly body: Template | null;
  /** How much time passes before it. */
  readonly passMs: number;
  /** Everything in it is as the document wants it, but perhaps the token. */
  readonly isValid: boolean;
  /** The value that the body stands for, where it is well-formed JSON; undefined where it is not. */
  readonly value: unknown;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
  /** The body as JSON; undefined when it is none. */
  readonly json: unknown;
}

/** A server to send steps to. */
export interface Target {
  readonly port: number;
  /** Lets time pass for it. */
  pass(ms: number): void;
  close(): Promise<void>;
}

/** What earlier steps were answered, by number. */
export type ControlHandlers = Map<number, Answer>;

export class Sender {
  readonly answers: ControlHandlers = new Map();
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #target: Target;

  constructor(target: Target) {
    this.#target = target;
  }

  /** Rejects when there is no answer. */
  async send(step: Step): Promise<Answer> {
    this.#target.pass(step.passMs);
    const answer = await this.#exchange(step);
    this.answers.set(step.number, answer);
    return answer;
  }

  async close(): Promise<void> {
    this.#agent.destroy();
    await this.#target.close();
  }

  #exchange({ method, target, headers, body }: Step): Promise<Answer> {
    const text = (template: Template) => resolve(template, this.answers);
    const bytes = body === null ? null : Buffer.from(text(body), 'latin1');
    const lines = [
      ...['Host', `127.0.0.1:${this.#target.port}`],
      ...headers.flatMap(([name, value]) => [name, text(value)]),
      ...(bytes === null ? [] : ['Content-Length', String(bytes.length)]),
    ];
    const options = { host: '127.0.0.1', port: this.#target.port, agent: this.#agent };
    return new Promise((settle, reject) => {
      const request = httpRequest({ ...options, method, path: text(target), headers: lines }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk) => chunks.push(chunk)).on('error', reject);
        response.on('end', () => {
          const all = Buffer.concat(chunks);
          const { statusCode = 0, headers: received } = response;
          settle({ status: statusCode, headers: received, bytes: all, json: parse(all) });
        });
      });
      request.on('error', reject);
      request.end(bytes ?? undefined);
    });
  }
}

/** The text that a template stands for, given what was answered before. */
export function resolve(template: Template, answers: ControlHandlers): string {
  return template.map((part) => (typeof part === 'string' ? part : textOf(part, answers))).join('');
}

/** The references in a step. */
export function referencesIn({ target, headers, body }: Step): Reference[] {
  const templates = [target, ...headers.map(([, value]) => value), body ?? []];
  return templates.flat().filter((part) => typeof part !== 'string');
}

function textOf({ step, of, path, cut = 0 }: Reference, answers: ControlHandlers): string {
  const answer = answers.get(step);
  const value = answer === undefined ? undefined : lookUp(answer, of, path);
  // What was not answered is replaced by something that nobody has.
  const text = value === undefined ? 'nothing' : String(value);
  return text.slice(0, text.length - cut);
}

function lookUp({ headers, json }: Answer, of: Reference['of'], path: string): unknown {
  if (of === 'etag') return headers.etag;
  if (of === 'location') return headers.location?.split('/')[Number(path)];
  let value = json;
  for (const key of path.split('.')) value = (value as Record<string, unknown> | null | undefined)?.[key];
  return value;
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
}
