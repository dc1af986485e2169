// Requests from an OpenAPI document alone. A good one is what the right person would send; what it needs and nobody has yet,
// an account, a token, something to change, is asked for first. Most are then spoiled in one or two ways.

import { type Document, type Operation, parameterIndexes, successOf } from './document.ts';
import { formOf, isReference, jsonOf } from './encode.ts';
import { type Draft, spoil } from './spoil.ts';
import type { Step, Template } from './steps.ts';
import { pick, type Random, validValue } from './values.ts';
import { type About, isRefresh, isSignIn, isSignUp, type Person, type World } from './world.ts';

const PEOPLE_MIN = 2;
const STEP_MS = 250;
const LONG_MS = 61_000;

export interface Planned {
  readonly step: Step;
  readonly about: About;
}

export class Requests {
  /** Names of the operations that have succeeded. */
  readonly covered = new Set<string>();
  readonly #document: Document;
  readonly #world: World;
  readonly #random: Random;
  #number = 0;

  constructor(document: Document, world: World, random: Random) {
    this.#document = document;
    this.#world = world;
    this.#random = random;
  }

  next(): Planned {
    const random = this.#random;
    const missing = this.#document.operations.filter(({ name }) => !this.covered.has(name));
    const isForCoverage = missing.length > 0 && random() < 0.5;
    const operation = pick(random, isForCoverage ? missing : this.#document.operations);
    const draft = this.#good(operation);
    const times = isForCoverage ? 0 : pick(random, [0, 1, 1, 1, 2]);
    for (let count = 0; count < times; count++) spoil(draft, this.#document, this.#world, random);
    return this.#plan(draft);
  }

  #good(operation: Operation): Draft {
    const random = this.#random;
    if (this.#world.people.length < PEOPLE_MIN && !isSignUp(operation)) {
      const signUp = this.#document.operations.filter(isSignUp);
      if (signUp.length > 0) return this.#good(pick(random, signUp));
    }
    const person = this.#world.people.length === 0 ? null : pick(random, this.#world.people);
    const draft = this.#empty(operation, person);
    if (person !== null && (operation.needsToken || isRefresh(operation))) {
      const needed = this.#authorize(draft, person);
      if (needed !== null) return this.#good(needed);
    }
    if (person !== null) {
      const needed = this.#fillPath(draft, person);
      if (needed !== null) return needed === operation ? draft : this.#goodFor(needed, person);
    }
    this.#fillBody(draft, person);
    if (random() < 0.4) this.#fillQuery(draft);
    return draft;
  }

  // The same person again, or what is made would be somebody else's.
  #goodFor(operation: Operation, person: Person): Draft {
    const draft = this.#empty(operation, person);
    this.#authorize(draft, person);
    this.#fillPath(draft, person);
    this.#fillBody(draft, person);
    return draft;
  }

  #empty(operation: Operation, person: Person | null): Draft {
    return {
      operation,
      method: operation.method,
      segments: operation.segments.map((segment): Template => [segment.replace(/^\{.*/, '1')]),
      query: '',
      headers: [],
      authorization: null,
      contentType: null,
      value: undefined,
      body: null,
      isValid: true,
      isElsewhere: false,
      person,
      token: null,
    };
  }

  /** Gives the operation that is needed first, if one is. */
  #authorize(draft: Draft, person: Person): Operation | null {
    const token = person.tokens.findLast(({ isFresh }) => isFresh);
    const signIn = this.#document.operations.find(isSignIn);
    if (token === undefined) return signIn ?? null;
    draft.token = token;
    if (!draft.operation.needsToken) return null;
    draft.authorization = [pick(this.#random, ['JWT ', 'Bearer ', 'JWT ']), token.reference];
    return null;
  }

  #fillPath(draft: Draft, person: Person): Operation | null {
    const { operation } = draft;
    const indexes = parameterIndexes(operation);
    if (indexes.length === 0) return null;
    const resource = this.#world.resourceFor(person, operation, this.#random);
    if (resource === null) return this.#makerOf(operation);
    for (const index of indexes) draft.segments[index] = [resource[index] ?? ''];
    return null;
  }

  // What is at `/a/{id}` is made, or listed, at `/a`.
  #makerOf({ segments }: Operation): Operation | null {
    const parent = segments.slice(0, -1).join('/');
    const there = this.#document.operations.filter((each) => each.segments.join('/') === parent);
    return (
      there.find((each) => successOf(each) === 201) ?? there.find(({ method }) => method === 'GET') ?? null
    );
  }

  #fillBody(draft: Draft, person: Person | null): void {
    const { operation } = draft;
    if (operation.body === null) return;
    const random = this.#random;
    const value = validValue(operation.body, random) as Record<string, unknown>;
    if (isSignIn(operation) && person !== null) Object.assign(value, person.credentials);
    if (isRefresh(operation) && draft.token !== null) value.refresh_token = draft.token.refresh;
    draft.value = value;
    const isText = Object.values(value).every((each) => typeof each === 'string' || isReference(each));
    const asForm = isText && random() < 0.4;
    draft.contentType = asForm ? 'application/x-www-form-urlencoded' : 'application/json';
    draft.body = asForm ? formOf(value) : jsonOf(value);
  }

  #fillQuery(draft: Draft): void {
    const { query } = draft.operation;
    const given = query.filter(() => this.#random() < 0.5);
    const pairs = given.map(({ name, schema }) => `${name}=${validValue(schema, this.#random)}`);
    draft.query = pairs.length === 0 ? '' : `?${pairs.join('&')}`;
  }

  #plan(draft: Draft): Planned {
    const { operation, method, segments, query, authorization, contentType, body, isValid } = draft;
    const passMs = this.#random() < 0.01 ? LONG_MS : STEP_MS;
    this.#world.pass(passMs);
    const path = segments.flatMap((segment): Template => ['/', ...segment]);
    const headers = [...draft.headers];
    if (authorization !== null) headers.push(['Authorization', authorization]);
    if (contentType !== null) headers.push(['Content-Type', [contentType]]);
    const step = {
      number: ++this.#number,
      operation: draft.isElsewhere ? null : operation,
      method,
      target: [...(path.length === 0 ? ['/'] : path), query],
      headers,
      body,
      passMs,
      isValid,
      value: draft.value,
    };
    return { step, about: { person: draft.person, token: draft.token } };
  }
}
