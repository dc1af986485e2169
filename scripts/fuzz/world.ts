// What is known of a server by what it has answered: who has signed up, which tokens they have, which resources are
// theirs. Deep paths are reached by it. Everything is a reference into an answer, so that it can be had again elsewhere.

import { answerSchema, type Document, hasProperty, type Operation } from './document.ts';
import type { Answer, Reference, Step, Template } from './steps.ts';
import { pick, type Random } from './values.ts';

export interface Token {
  readonly reference: Reference;
  readonly refresh: Reference;
  readonly endsMs: number;
  /** From a login and not from a refresh. */
  readonly isFresh: boolean;
}

/** The path to something: `['users', <reference>, 'posts', <reference>]`. */
export type Resource = Template;

export interface Person {
  credentials: Readonly<Record<string, unknown>>;
  readonly tokens: Token[];
  /** The first is the person's own. */
  readonly resources: Resource[];
}

/** Whom and what a step is about. */
export interface About {
  readonly person: Person | null;
  readonly token: Token | null;
}

export class World {
  readonly people: Person[] = [];
  /** Tokens that ended, in whatever way. */
  readonly ended: Token[] = [];
  readonly tags: Reference[] = [];
  nowMs = 0;
  readonly #document: Document;

  constructor(document: Document) {
    this.#document = document;
  }

  pass(ms: number): void {
    this.nowMs += ms;
    for (const person of this.people) {
      this.#end(person, ({ endsMs }) => endsMs <= this.nowMs);
    }
  }

  /** A resource of the person's at the operation's path, from which its parameters can be taken. */
  resourceFor(person: Person, { segments }: Operation, random: Random): Resource | null {
    const fitting = person.resources.filter((resource) =>
      segments.every((segment, index) =>
        segment.startsWith('{')
          ? typeof resource[index] === 'object'
          : resource[index] === segment || !segments.slice(index).some((each) => each.startsWith('{')),
      ),
    );
    return fitting.length === 0 ? null : pick(random, fitting);
  }

  learn(step: Step, answer: Answer, about: About): void {
    const { operation } = step;
    if (operation === null) return;
    if (answer.headers.etag !== undefined) this.tags.push({ step: step.number, of: 'etag', path: '' });
    if (answer.status === 401 && about.token !== null) this.#forget(about);
    // Their password has been changed by a body of which it is not known what it says.
    if (answer.status === 401 && step.isValid && isSignIn(operation)) this.#remove(about.person);
    if (answer.status >= 300 || answer.status === 0) return;
    if (isSignUp(operation) && step.value === undefined) return;
    const person = isSignUp(operation) ? this.#welcome(step) : about.person;
    if (person === null) return;
    if (hasProperty(answerSchema(operation), 'access_token')) this.#addToken(person, step, answer);
    this.#addResources(person, step, answer);
    if (step.method === 'DELETE' || answer.status === 204) this.#lose(person, operation, about);
    else if (hasProperty(operation.body, 'password') && operation.needsToken) {
      person.credentials = { ...person.credentials, ...(step.value as object) };
    }
  }

  #welcome(step: Step): Person {
    const person = { credentials: step.value as Record<string, unknown>, tokens: [], resources: [] };
    this.people.push(person);
    return person;
  }

  #addToken(person: Person, { number, operation }: Step, { json }: Answer): void {
    const lifetimeMs = Number((json as { expires_in?: unknown } | undefined)?.expires_in) * 1000;
    const at = (path: string): Reference => ({ step: number, of: 'body', path });
    person.tokens.push({
      reference: at('access_token'),
      refresh: at('refresh_token'),
      endsMs: this.nowMs + lifetimeMs,
      isFresh: !hasProperty(operation?.body ?? null, 'refresh_token'),
    });
  }

  #addResources(person: Person, step: Step, { headers, json }: Answer): void {
    const { location } = headers;
    if (location !== undefined) {
      const words = location.split('/').slice(1);
      const shape = this.#document.operations.find(({ segments }) => isPathOf(words, segments));
      const resource = shape?.segments.map((segment, index) =>
        segment.startsWith('{')
          ? ({ step: step.number, of: 'location', path: String(index + 1) } as const)
          : segment,
      );
      if (resource !== undefined) person.resources.push(resource);
    }
    const { segments = [] } = step.operation ?? {};
    const hasItems = this.#document.operations.some(
      (each) =>
        each.segments.length === segments.length + 1 &&
        each.segments.join('/').startsWith(`${segments.join('/')}/{`),
    );
    if (
      hasItems &&
      !segments.some((each) => each.startsWith('{')) &&
      Array.isArray(json) &&
      json.length > 0
    ) {
      person.resources.push([...segments, { step: step.number, of: 'body', path: `${json.length - 1}.id` }]);
    }
  }

  // What was deleted is gone; without a parameter in its path it was a session, or all of them.
  #lose(person: Person, operation: Operation, about: About): void {
    const isAboutItself =
      operation.segments.length === 2 && operation.segments[0] === person.resources[0]?.[0];
    if (isAboutItself) this.#remove(person);
    else if (!operation.segments.some((each) => each.startsWith('{'))) {
      this.#end(person, (token) => operation.method === 'DELETE' || token === about.token);
    }
  }

  #remove(person: Person | null): void {
    const index = person === null ? -1 : this.people.indexOf(person);
    for (const gone of index === -1 ? [] : this.people.splice(index, 1)) this.#end(gone, () => true);
  }

  #forget({ person, token }: About): void {
    if (person !== null) this.#end(person, (each) => each === token);
  }

  #end(person: Person, isOver: (token: Token) => boolean): void {
    const over = person.tokens.filter(isOver);
    this.ended.push(...over);
    const left = person.tokens.filter((token) => !over.includes(token));
    person.tokens.splice(0, person.tokens.length, ...left);
  }
}

export function isSignUp(operation: Operation): boolean {
  return !operation.needsToken && hasProperty(operation.body, 'password') && operation.responses.has(201);
}

export function isSignIn(operation: Operation): boolean {
  return hasProperty(operation.body, 'password') && hasProperty(answerSchema(operation), 'access_token');
}

export function isRefresh(operation: Operation): boolean {
  return hasProperty(operation.body, 'refresh_token');
}

function isPathOf(words: readonly string[], segments: readonly string[]): boolean {
  return (
    words.length === segments.length &&
    segments.every((segment, index) => segment.startsWith('{') || segment === words[index])
  );
}
