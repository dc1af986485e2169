// The operations of an OpenAPI document, in the form in which requests are made from them.

import type { Schema } from './json-schema.ts';

export interface Parameter {
  readonly name: string;
  readonly schema: Schema;
}

export interface Response {
  /** By media type; empty where there is no body. */
  readonly content: ReadonlyMap<string, Schema>;
  readonly headers: readonly string[];
}

export interface Operation {
  /** `GET /users/{id}` */
  readonly name: string;
  readonly method: string;
  /** `['users', '{id}']` */
  readonly segments: readonly string[];
  readonly query: readonly Parameter[];
  readonly body: Schema | null;
  readonly responses: ReadonlyMap<number, Response>;
  readonly needsToken: boolean;
}

export interface Document {
  readonly operations: readonly Operation[];
  find(reference: string): Schema;
}

type Json = Readonly<Record<string, unknown>>;

/** @param source What `GET /openapi.json` answers. */
export function readDocument(source: unknown): Document {
  const document = objectOf(source);
  const operations = Object.entries(objectOf(document.paths)).flatMap(([path, methods]) =>
    Object.entries(objectOf(methods)).map(([method, each]) =>
      readOperation(method.toUpperCase(), path, objectOf(each)),
    ),
  );
  return {
    operations,
    find(reference) {
      const keys = reference.replace(/^#\//, '').split('/');
      return keys.reduce<Json>((value, key) => objectOf(value[key]), document);
    },
  };
}

/** What a request succeeds with. */
export function successOf({ responses }: Operation): number {
  return [...responses.keys()].find((status) => status < 300) ?? 0;
}

/** The schema of the answer that a request succeeds with. */
export function answerSchema(operation: Operation): Schema {
  return operation.responses.get(successOf(operation))?.content.get('application/json') ?? {};
}

/** The schemas of an object's properties. */
export function propertiesOf(schema: Schema | null): readonly (readonly [name: string, schema: Schema])[] {
  return Object.entries(objectOf(schema?.properties)).map(([name, each]) => [name, objectOf(each)]);
}

export function hasProperty(schema: Schema | null, name: string): boolean {
  return propertiesOf(schema).some(([each]) => each === name);
}

/** Where in a path its parameters are. */
export function parameterIndexes({ segments }: Operation): number[] {
  return segments.flatMap((segment, index) => (segment.startsWith('{') ? [index] : []));
}

function readOperation(method: string, path: string, source: Json): Operation {
  const parameters = listOf(source.parameters).map(objectOf);
  const content = objectOf(objectOf(source.requestBody).content);
  const body = objectOf(content['application/json']).schema;
  return {
    name: `${method} ${path}`,
    method,
    segments: path.split('/').filter((segment) => segment !== ''),
    query: parameters
      .filter((each) => each.in === 'query')
      .map(({ name, schema }) => ({ name: String(name), schema: objectOf(schema) })),
    body: body === undefined ? null : objectOf(body),
    responses: new Map(
      Object.entries(objectOf(source.responses)).map(([status, each]) => [
        Number(status),
        readResponse(objectOf(each)),
      ]),
    ),
    needsToken: listOf(source.security).some((each) => 'token' in objectOf(each)),
  };
}

function readResponse({ content, headers }: Json): Response {
  const schemas = Object.entries(objectOf(content)).map(
    ([type, each]) => [type, objectOf(objectOf(each).schema)] as const,
  );
  return { content: new Map(schemas), headers: Object.keys(objectOf(headers)) };
}

function objectOf(value: unknown): Json {
  return typeof value === 'object' && value !== null ? (value as Json) : {};
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
