// GET /openapi.json: a valid document of exactly what is there.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import type { Endpoint } from '../../src/api/endpoint.ts';
import { openApiText } from '../../src/api/openapi.ts';
import { startServer } from '../support/server/server.ts';

interface Operation {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly required: boolean;
    readonly description?: string;
  }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: BodySchema }>> };
  readonly responses: Readonly<Record<string, { readonly headers?: object; readonly content?: object }>>;
  readonly security: readonly object[];
}

interface BodySchema {
  readonly required?: readonly string[];
  readonly minProperties?: number;
  readonly properties: Readonly<Record<string, { readonly minLength?: number }>>;
}

async function readDocument(t: TestContext, settings: Record<string, string> = {}) {
  const server = await startServer(t, settings);
  const { status, json } = await server.call('GET', '/openapi.json');
  assert.equal(status, 200);
  const operations = new Map<string, Operation>();
  for (const [path, methods] of Object.entries<Record<string, Operation>>(json.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      operations.set(`${method.toUpperCase()} ${path}`, operation);
    }
  }
  const operationOf = (name: string): Operation => {
    const operation = operations.get(name);
    assert.ok(operation, `${name} is not documented`);
    return operation;
  };
  return { server, document: json, operations, operationOf };
}

const TOKEN = [{ token: [] }];

describe('GET /openapi.json', () => {
  it('is valid OpenAPI 3.1', async (t) => {
    const { document } = await readDocument(t);
    const { valid, errors } = await new Validator().validate(document);
    assert.ok(valid, JSON.stringify(errors));
    assert.match(document.openapi, /^3\.1\./);
  });

  it('is invalid without its info: the validator checks', async (t) => {
    const { document } = await readDocument(t);
    const { info: _, ...rest } = document;
    assert.equal((await new Validator().validate(rest)).valid, false);
  });

  it('has every endpoint of the server, and nothing else', async (t) => {
    const { server, operations } = await readDocument(t);
    const { json } = await server.call('GET', '/');
    const listed = json.endpoints.map(
      ({ method, path }: { method: string; path: string }) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`,
    );
    assert.deepEqual([...operations.keys()].sort(), listed.sort());
    assert.equal(new Set(listed).size, listed.length);
  });

  it('has the endpoints of the contract', async (t) => {
    const { operations } = await readDocument(t);
    const paths: [path: string, methods: string][] = [
      ['/', 'GET'],
      ['/auth', 'GET POST'],
      ['/auth/logout', 'POST'],
      ['/auth/refresh', 'POST'],
      ['/auth/sessions', 'DELETE GET'],
      ['/auth/sessions/{id}', 'DELETE'],
      ['/healthz', 'GET'],
      ['/metrics', 'GET'],
      ['/openapi.json', 'GET'],
      ['/readyz', 'GET'],
      ['/signup', 'POST'],
      ['/users', 'GET POST'],
      ['/users/{id}', 'DELETE GET PATCH PUT'],
      ['/users/{user_id}/posts', 'GET POST'],
      ['/users/{user_id}/posts/{id}', 'DELETE GET PATCH PUT'],
    ];
    const expected = paths.flatMap(([path, methods]) =>
      methods.split(' ').map((method) => `${method} ${path}`),
    );
    assert.deepEqual(
      expected.filter((name) => !operations.has(name)),
      [],
    );
  });

  it('has just the methods that each path answers to', async (t) => {
    const { server, document } = await readDocument(t);
    for (const [path, methods] of Object.entries<object>(document.paths)) {
      const { headers } = await server.call('OPTIONS', path.replace(/\{\w+\}/g, '1'));
      const allowed = String(headers.allow).split(', ');
      const own = allowed.filter((method) => method !== 'OPTIONS' && method !== 'HEAD');
      assert.deepEqual(
        own,
        Object.keys(methods)
          .map((method) => method.toUpperCase())
          .sort(),
        path,
      );
    }
  });

  it('has a unique id, a known tag and a one-line summary for every operation', async (t) => {
    const { document, operations } = await readDocument(t);
    const tags = document.tags.map(({ name }: { name: string }) => name);
    const ids = [...operations.values()].map(({ operationId }) => operationId);
    assert.equal(new Set(ids).size, ids.length);
    for (const { operationId, tags: own, summary } of operations.values()) {
      assert.match(operationId, /^[a-z_]+$/);
      assert.ok(own.length === 1 && tags.includes(own[0]));
      assert.match(summary, /^[A-Z][^\n]+[^.\n]$/);
    }
    assert.ok(ids.includes('post_users_user_id_posts'));
  });

  it('names every parameter of a path, and those of lists', async (t) => {
    const { operations, operationOf } = await readDocument(t);
    for (const [name, { parameters = [] }] of operations) {
      const inPath = [...name.matchAll(/\{(\w+)\}/g)].map(([, parameter]) => parameter);
      const declared = parameters.filter((each) => each.in === 'path');
      assert.deepEqual(
        declared.map((each) => each.name),
        inPath,
      );
      assert.ok(declared.every(({ required }) => required));
    }
    for (const name of ['GET /users', 'GET /users/{id}', 'GET /users/{user_id}/posts', 'GET /auth']) {
      const query = operationOf(name).parameters?.filter((each) => each.in === 'query') ?? [];
      assert.deepEqual(
        query.slice(0, 3).map((each) => [each.name, each.required]),
        [
          ['limit', false],
          ['after', false],
          ['order', false],
        ],
      );
      assert.match(String(query[0]?.description), /^How many at most; .* more than 256 KiB\.$/);
    }
  });

  it('states who may call each operation', async (t) => {
    const { operations } = await readDocument(t);
    const open = ['POST /auth', 'POST /auth/refresh', 'POST /signup', 'POST /users', 'GET /users', 'GET /'];
    const system = ['GET /openapi.json', 'GET /healthz', 'GET /readyz'];
    for (const [name, { security }] of operations) {
      if (name === 'GET /metrics') assert.deepEqual(security, [{ operator: [] }, {}]);
      else assert.deepEqual([name, security], [name, [...open, ...system].includes(name) ? [] : TOKEN]);
    }
  });

  const statuses: [name: string, statuses: number[]][] = [
    ['POST /auth', [200, 400, 401, 413, 415, 429, 503]],
    ['POST /auth/refresh', [200, 400, 401, 413, 415, 429, 503]],
    ['POST /auth/logout', [204, 400, 401, 429, 503]],
    ['DELETE /auth/sessions/{id}', [204, 400, 401, 404, 429, 503]],
    ['POST /users', [201, 400, 409, 413, 415, 429, 503]],
    ['GET /users', [200, 304, 400, 412, 429, 503]],
    ['GET /users/{id}', [200, 304, 400, 401, 403, 404, 412, 429, 503]],
    ['PUT /users/{id}', [200, 400, 401, 403, 404, 409, 412, 413, 415, 429, 503]],
    ['DELETE /users/{id}', [204, 400, 401, 403, 404, 412, 429, 503]],
    ['POST /users/{user_id}/posts', [201, 400, 401, 403, 404, 413, 415, 429, 503]],
    ['PATCH /users/{user_id}/posts/{id}', [200, 400, 401, 403, 404, 412, 413, 415, 429, 503]],
    ['GET /healthz', [200, 400, 503]],
    ['GET /metrics', [200, 400, 401, 403, 503]],
  ];
  it('lists the responses of each operation', async (t) => {
    const { operations, operationOf } = await readDocument(t);
    for (const [name, expected] of statuses) {
      assert.deepEqual([name, Object.keys(operationOf(name).responses).map(Number)], [name, expected]);
    }
    for (const { responses } of operations.values()) {
      for (const [status, { content }] of Object.entries(responses)) {
        const isError = Number(status) >= 400;
        if (!isError) continue;
        const schema = { $ref: '#/components/schemas/Error' };
        assert.deepEqual(content, { 'application/json': { schema } });
      }
    }
  });

  it('lists the fields of bodies, which are JSON or forms', async (t) => {
    const { operations, operationOf } = await readDocument(t, { PASSWORD_MIN_LENGTH: '8' });
    for (const { requestBody } of operations.values()) {
      if (requestBody === undefined) continue;
      const types = ['application/json', 'application/x-www-form-urlencoded'];
      assert.deepEqual(Object.keys(requestBody.content), types);
    }
    const schemaOf = (name: string) => {
      const { schema } = operationOf(name).requestBody?.content['application/json'] ?? {};
      assert.ok(schema, `${name} has no body`);
      return schema;
    };
    const signUp = schemaOf('POST /signup');
    assert.deepEqual(signUp.required, ['username', 'password']);
    assert.deepEqual(schemaOf('POST /auth').required, ['username', 'password']);
    assert.equal(signUp.properties.password?.minLength, 8);
    const change = schemaOf('PATCH /users/{id}');
    assert.deepEqual([change.required, change.minProperties], [undefined, 1]);
  });

  it('states which responses have Location, Link and ETag', async (t) => {
    const { operationOf } = await readDocument(t);
    const headersOf = (name: string, status: number) =>
      Object.keys(operationOf(name).responses[status]?.headers ?? {});
    assert.deepEqual(headersOf('POST /users', 201), ['Location']);
    assert.deepEqual(headersOf('GET /users', 200), ['Link', 'ETag']);
    assert.deepEqual(headersOf('PUT /users/{user_id}/posts/{id}', 200), ['ETag']);
    assert.deepEqual(headersOf('GET /healthz', 200), []);
  });

  it('names the schemes that are accepted', async (t) => {
    const { document } = await readDocument(t, { JWT_AUTH_HEADER_PREFIX: 'Bearer' });
    const { description } = document.components.securitySchemes.token;
    assert.equal(description, '`Bearer <token>`, with a token from `POST /auth`.');
    const both = (await readDocument(t)).document.components.securitySchemes.token;
    assert.equal(both.description, '`JWT <token>` or `Bearer <token>`, with a token from `POST /auth`.');
  });

  it('has examples for all that a schema shows of them, and no secret', async (t) => {
    const { server } = await readDocument(t);
    const { text } = await server.call('GET', '/openapi.json');
    assert.doesNotMatch(text, /password_hash|\$scrypt/);
    assert.match(text, /"examples":\["matt"\]/);
  });
});

describe('openApiText', () => {
  it('is made once for as long as the endpoints are the same', async () => {
    const text = openApiText({ version: '1', prefixes: ['JWT'] });
    let reads = 0;
    const get = (target: object, key: PropertyKey) => {
      reads++;
      return Reflect.get(target, key);
    };
    const endpoints: readonly Endpoint[] = new Proxy<Endpoint[]>([], { get });
    const first = text(endpoints);
    assert.equal(JSON.parse(first).info.version, '1');
    const before = reads;
    assert.equal(text(endpoints), first);
    assert.equal(reads, before);
    assert.equal(text([]), first);
    text(endpoints);
    assert.ok(reads > before);
  });
});
