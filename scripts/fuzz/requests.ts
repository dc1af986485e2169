// Generates the requests of a run. A valid request is made from the schemas and from earlier
// responses, which show the accounts, their tokens and their resources. If a request needs a
// resource that does not exist yet, the request that creates it is sent instead. Expired tokens and
// deleted resources are forgotten when a request for them is rejected.

import type { Operation, Operations, Schema } from './openapi.ts';
import { spoil } from './spoil.ts';
import { percentEncoded, type Received, reference, type Step, setBody } from './step.ts';
import { pick, type Random, validObject, validValue } from './values.ts';

const PEOPLE_MAX = 4;
const STEP_MS = 250;
// Longer than the lifetime of an access token.
const LONG_MS = 61_000;

export interface Resource {
  /** `/users/{}` */
  readonly shape: string;
  /** `/users/(!3.json.id!)` */
  readonly path: string;
}

export interface Person {
  credentials: Readonly<Record<string, unknown>>;
  /** The number of the step whose response has the current tokens; null when signed out. */
  session: number | null;
  resources: readonly Resource[];
}

const STRANGER: Person = { credentials: {}, session: null, resources: [] };

export interface World {
  readonly operations: Operations;
  readonly random: Random;
  readonly signUp: Operation;
  readonly signIn: Operation;
  people: readonly Person[];
  /** Like `Person.session`, of all sessions, ended ones too. */
  readonly sessions: number[];
  readonly etags: string[];
  /** Operations that have succeeded. */
  readonly covered: Set<Operation>;
  /** Time that the server asked clients to wait. */
  waitMs: number;
}

export function createWorld(operations: Operations, random: Random): World {
  const open = operations.filter(({ body, needsToken }) => !needsToken && hasProperty(body, 'password'));
  const signUp = open.find(({ success, shape }) => success === 201 && hasItems(operations, shape));
  const signIn = open.find(({ success }) => success === 200);
  if (!signUp || !signIn) throw new Error('Cannot fuzz: the document has no sign-up or no sign-in');
  const nothing = { people: [], sessions: [], etags: [], covered: new Set<Operation>(), waitMs: 0 };
  return { operations, random, signUp, signIn, ...nothing };
}

export function nextStep(number: number, world: World): Step {
  const { operations, covered, people, random } = world;
  const missing = operations.filter((operation) => !covered.has(operation));
  const wanted = pick(random, missing.length > 0 && random() < 0.5 ? missing : operations);
  const person = people.length === 0 ? STRANGER : pick(random, people);
  const operation = firstNeeded(wanted, person, world);
  const step = validStep(number, operation, person, world);
  const times = pick(random, [0, 1, 1, 1, 2]);
  for (let count = 0; count < times; count++) spoil(step, world);
  return step;
}

/** Returns the operation, or the operation that must succeed before it. */
function firstNeeded(operation: Operation, person: Person, world: World): Operation {
  if (person === STRANGER) return world.signUp;
  const needsSession = operation.needsToken || hasProperty(operation.body, 'refresh_token');
  if (needsSession && person.session === null) return world.signIn;
  if (pathOf(operation, person, world.random) !== null) return operation;
  // `/users/{}` is created or listed at `/users`.
  const collection = operation.shape.slice(0, operation.shape.lastIndexOf('/{}'));
  const there = world.operations.filter(({ shape }) => shape === collection);
  const maker = there.find(({ success }) => success === 201) ?? there.find(({ method }) => method === 'GET');
  return maker === undefined ? operation : firstNeeded(maker, person, world);
}

function validStep(number: number, operation: Operation, person: Person, world: World): Step {
  const { random, waitMs } = world;
  const { method, query, needsToken, body } = operation;
  const some = query.filter(() => random() < 0.2);
  const pairs = some.map(({ name, schema }) => `${name}=${percentEncoded(validValue(schema, random))}`);
  const step: Step = {
    number,
    person,
    passMs: Math.max(waitMs, random() < 0.01 ? LONG_MS : STEP_MS),
    operation,
    method,
    path: pathOf(operation, person, random) ?? operation.shape.replaceAll('{}', '1'),
    query: pairs.length === 0 ? '' : `?${pairs.join('&')}`,
    headers: {},
    body: null,
    value: undefined,
    isValid: true,
  };
  const session = Number(person.session);
  if (needsToken) {
    const scheme = pick(random, ['JWT', 'Bearer']);
    step.headers.Authorization = `${scheme} ${reference(session, 'json.access_token')}`;
  }
  if (body !== null) {
    const value = validObject(body, random);
    if (operation === world.signIn) Object.assign(value, person.credentials);
    if (hasProperty(body, 'refresh_token')) value.refresh_token = reference(session, 'json.refresh_token');
    setBody(step, value, random() < 0.4);
  }
  return step;
}

/** Returns the path with the ids of one of the person's resources, or null if there is none. */
function pathOf({ shape }: Operation, { resources }: Person, random: Random): string | null {
  const end = shape.lastIndexOf('}') + 1;
  if (end === 0) return shape;
  const fitting = resources.filter((resource) => resource.shape === shape.slice(0, end));
  return fitting.length === 0 ? null : pick(random, fitting).path + shape.slice(end);
}

/** Updates the world after a response. */
export function learn(step: Step, { status, headers, json }: Received, world: World): void {
  const { operation, number, value } = step;
  world.waitMs = status === 429 ? Number(headers['retry-after']) * 1_000 : 0;
  if (headers.etag !== undefined) world.etags.push(reference(number, 'headers.etag'));
  if (operation === null) return;
  forget(step, operation, status, world);
  if (status !== operation.success) return;
  world.covered.add(operation);
  let { person } = step;
  if (operation === world.signUp) {
    if (value === undefined) return;
    person = { credentials: value, session: null, resources: [] };
    world.people = [...world.people, person].slice(-PEOPLE_MAX);
  }
  if (operation.needsToken && hasProperty(operation.body, 'password')) {
    person.credentials = { ...person.credentials, ...value };
  }
  if (Object(json).access_token !== undefined) {
    // A client may lose new tokens and present the spent refresh token again.
    if (person.session === null || world.random() < 0.7) person.session = number;
    world.sessions.push(number);
  }
  const isTheirs = status === 201 || operation.needsToken;
  const row = Array.isArray(json) ? `json.${json.length - 1}` : 'json';
  if (isTheirs && hasItems(world.operations, operation.shape) && row !== 'json.-1') {
    const path = `${step.path}/${reference(number, `${row}.id`)}`;
    person.resources = [...person.resources, { shape: `${operation.shape}/{}`, path }];
  }
}

function forget(step: Step, operation: Operation, status: number, world: World): void {
  const { person, path, headers, body, isValid } = step;
  const usesSession = `${headers.Authorization} ${body}`.includes(`(!${person.session}.`);
  if (status === 401 && usesSession) person.session = null;
  // The account is gone, or a request that cannot be parsed has changed its password.
  if (status === 401 && isValid && operation === world.signIn) {
    world.people = world.people.filter((each) => each !== person);
  }
  if (status === 404) person.resources = person.resources.filter((each) => each.path !== path);
}

/**
 * Returns whether the document has an operation for the items of a collection: `/users/{}` for
 * `/users`.
 */
function hasItems(operations: Operations, shape: string): boolean {
  return operations.some((operation) => operation.shape === `${shape}/{}`);
}

function hasProperty(schema: Schema | null, name: string): boolean {
  return schema?.properties?.[name] !== undefined;
}
