// The documentation as OpenAPI 3.1, made from the declarations that route, check and marshal: it can't promise anything
// else than what happens.

import { STATUS_CODES } from 'node:http';
import { errorCodes, statusOf } from '../http/failure.ts';
import type { ErrorCode } from '../lib/errors.ts';
import type { JsonSchema } from '../schema/schema.ts';
import { type Endpoint, isFree, isTagged } from './endpoint.ts';

const ERROR_SCHEMA = {
  type: 'object',
  properties: {
    status_code: { type: 'integer', examples: [404] },
    error: { type: 'string', examples: ['Not Found'] },
    description: { type: 'string' },
    code: { type: 'string', enum: errorCodes, description: 'For programs; never renamed.' },
    fields: { type: 'object', additionalProperties: { type: 'string' }, description: 'Problems by field.' },
  },
  required: ['status_code', 'error', 'description', 'code'],
};

export interface OpenApiOptions {
  readonly version: string;
  /** The authentication schemes that are accepted. */
  readonly prefixes: readonly string[];
  /** The path below which a client finds the endpoints; default: '', for none. */
  readonly basePath?: string;
}

/**
 * Returns the serializer of the document. It keeps the text while the endpoints stay the same,
 * since serializing takes milliseconds.
 */
export function openApiText(options: OpenApiOptions): (endpoints: readonly Endpoint[]) => string {
  let of: readonly Endpoint[] | null = null;
  let text = '';
  return (endpoints) => {
    if (endpoints !== of) text = `${JSON.stringify(openApi(endpoints, options))}\n`;
    of = endpoints;
    return text;
  };
}

/** The document: plain JSON. */
export function openApi(
  endpoints: readonly Endpoint[],
  { version, prefixes, basePath = '' }: OpenApiOptions,
): JsonSchema {
  const paths: Record<string, Record<string, unknown>> = {};
  const getters = new Set(endpoints.filter(({ method }) => method === 'GET').map(({ path }) => path));
  for (const endpoint of endpoints) {
    const path = endpoint.path.replace(/:(\w+)/g, '{$1}');
    const hasGetter = getters.has(endpoint.path);
    paths[path] = { ...paths[path], [endpoint.method.toLowerCase()]: operation(endpoint, hasGetter) };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Jot', version, description: 'Users and their posts, secured with JSON Web Tokens.' },
    servers: [{ url: basePath === '' ? '/' : basePath }],
    tags: [...new Set(endpoints.map(({ group }) => group))].map((name) => ({ name })),
    paths,
    components: {
      schemas: { Error: ERROR_SCHEMA },
      securitySchemes: {
        token: {
          ...(prefixes.some((prefix) => prefix.toLowerCase() === 'bearer')
            ? { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' }
            : { type: 'apiKey', in: 'header', name: 'Authorization' }),
          description: `\`${prefixes.join(' <token>` or `')} <token>\`, with a token from \`POST /auth\`.`,
        },
        operator: { type: 'http', scheme: 'bearer', description: 'The METRICS_TOKEN, if one is set.' },
      },
    },
  };
}

function operation(endpoint: Endpoint, hasGetter: boolean): JsonSchema {
  const { group, summary, access, body } = endpoint;
  const parameters = [
    ...parameterList('path', endpoint.params.jsonSchema),
    ...parameterList('query', endpoint.query.jsonSchema),
  ];
  const token = [{ token: [] }];
  const security = { anyone: [], user: token, owner: token, operator: [{ operator: [] }, {}], closed: [] };
  return {
    operationId: operationId(endpoint),
    tags: [group],
    summary,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: { required: true, content: bodyContent(body.jsonSchema) } }),
    responses: { ...success(endpoint), ...failures(endpoint, hasGetter) },
    security: security[access.kind],
  };
}

// `POST /users/:user_id/posts` is `post_users_user_id_posts`.
function operationId({ method, path }: Endpoint): string {
  return [method.toLowerCase(), ...path.split(/\W+/).filter((word) => word !== '')].join('_');
}

function parameterList(place: 'path' | 'query', { properties, required = [] }: JsonSchema): unknown[] {
  return Object.entries(properties as Record<string, JsonSchema>).map(
    ([name, { description, ...schema }]) => ({
      name,
      in: place,
      required: (required as string[]).includes(name),
      ...(description === undefined ? {} : { description }),
      schema,
    }),
  );
}

function bodyContent(schema: JsonSchema): JsonSchema {
  return { 'application/json': { schema }, 'application/x-www-form-urlencoded': { schema } };
}

function success(endpoint: Endpoint): JsonSchema {
  const { status, response, contentType, location, next, method } = endpoint;
  const tagged = isTagged(endpoint);
  const header = (description: string) => ({ description, schema: { type: 'string' } });
  const headers = {
    ...(location === undefined ? {} : { Location: header('Where it is.') }),
    ...(next === undefined ? {} : { Link: header('The next page, `rel="next"`, while there is more.') }),
    ...(tagged ? { ETag: header('Names this content; for `If-None-Match` and `If-Match`.') } : {}),
  };
  const content = response && {
    [contentType.split(';')[0] ?? '']: { schema: response.jsonSchema },
  };
  return {
    [status]: {
      description: STATUS_CODES[status],
      ...(Object.keys(headers).length === 0 ? {} : { headers }),
      ...(content === undefined ? {} : { content }),
    },
    ...(tagged && method === 'GET' ? { 304: { description: STATUS_CODES[304] } } : {}),
  };
}

function failures(endpoint: Endpoint, hasGetter: boolean): JsonSchema {
  const { access, body, params, method } = endpoint;
  const needsUser = access.kind === 'user' || access.kind === 'owner';
  const isConditional = !isFree(endpoint) && hasGetter && method !== 'POST';
  const codes: (ErrorCode | false)[] = [
    // Whatever is asked for, the target or the Host header may be malformed.
    'bad_request',
    (needsUser || access.kind === 'operator') && 'token_invalid',
    (access.kind === 'owner' || access.kind === 'operator') && 'forbidden',
    Object.keys(params.fields).length > 0 && 'not_found',
    isConditional && 'precondition_failed',
    body !== undefined && 'content_too_large',
    body !== undefined && 'unsupported_media_type',
    !isFree(endpoint) && 'rate_limited',
    'unavailable',
    ...(endpoint.failures ?? []),
  ];
  const statuses = new Set(codes.filter((code) => code !== false).map(statusOf));
  return Object.fromEntries(
    [...statuses].map((status) => [
      status,
      {
        description: STATUS_CODES[status],
        content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
      },
    ]),
  );
}
