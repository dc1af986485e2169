// The part of an OpenAPI document that the fuzzer reads, with every `$ref` resolved.

/** A JSON Schema (2020-12). */
export interface Schema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly minProperties?: number;
  readonly additionalProperties?: Schema;
}

type Content = Readonly<Record<string, { readonly schema: Schema }>>;

interface Parameter {
  readonly in: string;
  readonly name: string;
  readonly schema: Schema;
}

export interface DocumentedResponse {
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly content?: Content;
}

interface Source {
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<Record<string, DocumentedResponse>>;
  readonly security: readonly Readonly<Record<string, unknown>>[];
}

export interface Operation {
  /** `GET /users/{id}/posts` */
  readonly name: string;
  readonly method: string;
  /** The path with unnamed parameters, `/users/{}/posts`. */
  readonly shape: string;
  readonly query: readonly Parameter[];
  readonly body: Schema | null;
  readonly responses: Readonly<Record<string, DocumentedResponse>>;
  /** The status of a successful response. */
  readonly success: number;
  readonly needsToken: boolean;
}

export type Operations = readonly Operation[];

/** @param json The body of `GET /openapi.json`. */
export function parseDocument(json: string): Operations {
  const source = JSON.parse(json);
  const { paths } = JSON.parse(json, (_, value) => {
    const keys: string[] = value?.$ref?.split('/').slice(1) ?? [];
    return keys.length === 0 ? value : keys.reduce((parent, key) => parent[key], source);
  });
  return Object.entries<Record<string, Source>>(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, each]) => toOperation(method.toUpperCase(), path, each)),
  );
}

function toOperation(method: string, path: string, source: Source): Operation {
  const { parameters = [], requestBody, responses, security } = source;
  return {
    name: `${method} ${path}`,
    method,
    shape: path.replace(/\{\w+\}/g, '{}'),
    query: parameters.filter((parameter) => parameter.in === 'query'),
    body: requestBody?.content['application/json']?.schema ?? null,
    responses,
    success: Number(Object.keys(responses).find((status) => status < '300')),
    needsToken: security.some((scheme) => 'token' in scheme),
  };
}
