// Validates a JSON value against a JSON Schema (2020-12), as far as `/openapi.json` uses it. An
// unknown keyword is an error: if it were ignored, a response could break it unnoticed.

import type { Schema } from './openapi.ts';

/** Jot ignores an undeclared property in a request, and never sends one in a response. */
type Undeclared = 'ignored' | 'rejected';

type Check<T> = (value: unknown, limit: T, schema: Schema) => boolean;

// Annotations, and keywords whose parts are validated one by one.
const OTHERS = [
  'description',
  'examples',
  'default',
  'format',
  'items',
  'properties',
  'additionalProperties',
];

// A keyword does not apply to values of other types (JSON Schema Validation §6).
const CHECKS: { readonly [Keyword in keyof Schema]: Check<NonNullable<Schema[Keyword]>> } = {
  type: isOfType,
  enum: (value, words) => words.includes(value),
  minimum: (value, limit) => typeof value !== 'number' || value >= limit,
  maximum: (value, limit) => typeof value !== 'number' || value <= limit,
  minLength: (value, limit) => typeof value !== 'string' || [...value].length >= limit,
  maxLength: (value, limit) => typeof value !== 'string' || [...value].length <= limit,
  pattern: (value, pattern) => typeof value !== 'string' || new RegExp(pattern, 'u').test(value),
  required: (value, names) => !isObject(value) || names.every((name) => Object.hasOwn(value, name)),
  // Jot ignores undeclared properties, so they do not count.
  minProperties: (value, limit, { properties = {} }) =>
    !isObject(value) || Object.keys(properties).filter((name) => name in value).length >= limit,
};

/** Returns each problem with the value. */
export function problemsOf(value: unknown, schema: Schema, undeclared: Undeclared, path = 'body'): string[] {
  const keywords = Object.entries(schema).filter(([keyword]) => !OTHERS.includes(keyword));
  const problems = keywords.flatMap(([keyword, limit]) => {
    const keeps = CHECKS[keyword as keyof Schema] as Check<unknown> | undefined;
    if (keeps === undefined) throw new Error(`Cannot validate ${path}: unknown keyword; got ${keyword}`);
    return keeps(value, limit, schema) ? [] : [`${path} breaks ${keyword} ${JSON.stringify(limit)}`];
  });
  const { items = {}, properties, additionalProperties } = schema;
  for (const [index, item] of Array.isArray(value) ? value.entries() : []) {
    problems.push(...problemsOf(item, items, undeclared, `${path}[${index}]`));
  }
  if (!isObject(value) || (properties ?? additionalProperties) === undefined) return problems;
  for (const [name, each] of Object.entries(value)) {
    const isDeclared = properties !== undefined && Object.hasOwn(properties, name);
    const known = isDeclared ? properties[name] : additionalProperties;
    if (known !== undefined) problems.push(...problemsOf(each, known, undeclared, `${path}.${name}`));
    else if (undeclared === 'rejected') problems.push(`${path}.${name} is not declared`);
  }
  return problems;
}

function isOfType(value: unknown, type: string): boolean {
  if (type === 'integer') return Number.isInteger(value);
  if (type === 'array') return Array.isArray(value);
  if (type === 'object') return isObject(value);
  return typeof value === type;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
