// Checks a JSON value against a JSON Schema (2020-12), as far as `/openapi.json` uses it. A keyword that is not known here is
// an error and not ignored: what is not checked must not look as if it were.

/** A schema as it stands in the document. */
export type Schema = Readonly<Record<string, unknown>>;

export interface CheckOptions {
  /** Finds what a `$ref` points to. */
  readonly find: (reference: string) => Schema;
}

type Check = (value: unknown, expected: unknown, schema: Schema, options: CheckOptions) => string[];

/** What is wrong with the value, each problem with the path to it; empty when nothing is. */
export function problemsOf(value: unknown, schema: Schema, options: CheckOptions): string[] {
  return Object.entries(schema).flatMap(([keyword, expected]) => {
    const check = checks[keyword];
    if (check === undefined) throw new Error(`The schema has a keyword that is not known here: ${keyword}`);
    return check(value, expected, schema, options);
  });
}

const nothing: Check = () => [];

// A keyword is about values of one type and lets all others pass (JSON Schema Validation §6).
const checks: Readonly<Record<string, Check>> = {
  description: nothing,
  examples: nothing,
  default: nothing,
  format: nothing,
  $ref: (value, expected, _, options) => problemsOf(value, options.find(String(expected)), options),
  type: (value, expected) => (isOfType(value, String(expected)) ? [] : [`is no ${expected}`]),
  enum: (value, expected) => (listOf(expected).includes(value) ? [] : [`is none of ${listOf(expected)}`]),
  minimum: (value, expected) => about(typeof value === 'number' && value < Number(expected), `< ${expected}`),
  maximum: (value, expected) => about(typeof value === 'number' && value > Number(expected), `> ${expected}`),
  minLength: (value, expected) => about(isText(value) && length(value) < Number(expected), 'is too short'),
  maxLength: (value, expected) => about(isText(value) && length(value) > Number(expected), 'is too long'),
  pattern: (value, expected) =>
    about(isText(value) && !new RegExp(String(expected), 'u').test(value), `does not match ${expected}`),
  items: (value, expected, _, options) =>
    Array.isArray(value)
      ? value.flatMap((each, index) => below(`${index}`, problemsOf(each, schemaOf(expected), options)))
      : [],
  properties: (value, expected, _, options) =>
    Object.entries(schemaOf(expected)).flatMap(([name, schema]) =>
      isObject(value) && Object.hasOwn(value, name)
        ? below(name, problemsOf(value[name], schemaOf(schema), options))
        : [],
    ),
  required: (value, expected) =>
    listOf(expected).flatMap((name) =>
      isObject(value) && !Object.hasOwn(value, String(name)) ? [`has no ${name}`] : [],
    ),
  minProperties: (value, expected, { properties }) => {
    // Unknown keys are ignored, so they do not count.
    const known = isObject(value) ? Object.keys(schemaOf(properties)).filter((name) => name in value) : [];
    return about(isObject(value) && known.length < Number(expected), `has fewer than ${expected} fields`);
  },
  additionalProperties: (value, expected, { properties = {} }, options) =>
    Object.entries(isObject(value) ? value : {}).flatMap(([name, each]) =>
      Object.hasOwn(schemaOf(properties), name)
        ? []
        : below(name, problemsOf(each, schemaOf(expected), options)),
    ),
};

/** The keys of a value, and of all that is in it, that the schema does not name. */
export function undeclared(value: unknown, schema: Schema, options: CheckOptions): string[] {
  if (schema.$ref !== undefined) return undeclared(value, options.find(String(schema.$ref)), options);
  if (Array.isArray(value) && schema.items !== undefined) {
    return value.flatMap((each) => undeclared(each, schemaOf(schema.items), options));
  }
  if (!isObject(value) || schema.properties === undefined) return [];
  const properties = schemaOf(schema.properties);
  return Object.entries(value).flatMap(([name, each]) => {
    const known = properties[name];
    return known === undefined ? [`has ${name}`] : below(name, undeclared(each, schemaOf(known), options));
  });
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

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

/** In code points, as JSON Schema counts. */
function length(text: string): number {
  return [...text].length;
}

function about(isProblem: boolean, words: string): string[] {
  return isProblem ? [words] : [];
}

function below(name: string, problems: readonly string[]): string[] {
  return problems.map((problem) => `${name} ${problem}`);
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function schemaOf(value: unknown): Schema {
  return isObject(value) ? value : {};
}
