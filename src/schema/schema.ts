// Types that exist at run time. One declaration, `object({ title: text({ max: 200 }) })`, does four jobs: it checks what
// comes in, turns what goes out into public JSON, becomes JSON Schema in the documentation, and gives TypeScript its
// static type. What is declared once can't disagree with itself.
//
// Checking collects: a caller learns of every bad field at once. Marshalling is the guard at the exit: what is not
// declared never leaves, so a password hash in a row stays there.
//
// Left out: unions, recursion, conditional rules. A field that needs more than its type takes a `refine`.

import { JotError } from '../lib/errors.ts';
import type { Page } from '../lib/page.ts';

/** In JSON a number is a number; in a form, a query or a path everything is text. */
export type Source = 'json' | 'text';

/** Takes one problem; the path leads to the field, `posts.0.title`. */
export type Report = (problem: string, path?: string) => void;

/** A JSON Schema (2020-12, the dialect of OpenAPI 3.1). */
export type JsonSchema = Readonly<Record<string, unknown>>;

export interface Type<T> {
  /** The value as a T; undefined after a report that it is none. */
  check(value: unknown, report: Report, source: Source): T | undefined;
  /** What stands in for a value that is not there; without it, the value is required. */
  readonly absent?: { readonly value: T };
  /** The public JSON of a value. */
  marshal(value: T): unknown;
  readonly jsonSchema: JsonSchema;
}

/** The TypeScript type that a declaration describes. */
export type Infer<S> = S extends Type<infer T> ? T : never;

export type Fields = Readonly<Record<string, Type<unknown>>>;
export type InferFields<F extends Fields> = { readonly [K in keyof F]: Infer<F[K]> };

export interface ObjectType<F extends Fields> extends Type<InferFields<F>> {
  readonly fields: F;
}

/** Words for the documentation. */
export interface Documented {
  readonly description?: string;
  readonly example?: unknown;
}

/**
 * Checks a value of unknown shape.
 *
 * @throws JotError `validation_failed` with every problem by field.
 */
export function validate<T>(type: Type<T>, value: unknown, source: Source = 'json'): T {
  const problems = new Map<string, string>();
  const checked = type.check(value, (problem, path = '') => problems.set(path, problem), source);
  if (problems.size > 0) {
    const named = [...problems.keys()].filter((path) => path !== '').join(', ');
    const message = named === '' ? `The value ${problems.get('')}` : `Not valid: ${named}`;
    throw new JotError('validation_failed', message, { fields: Object.fromEntries(problems) });
  }
  return checked as T;
}

/** Text whose length counts Unicode code points, after normalization. */
export function text(
  options: Documented & {
    readonly min?: number;
    readonly max?: number;
    readonly normalize?: 'NFC';
    /** `password` in the documentation means: never shown. */
    readonly format?: string;
    /** The problem with a text that has the right length, or null. */
    readonly refine?: (value: string) => string | null;
  } = {},
): Type<string> {
  const { min = 0, max = Number.POSITIVE_INFINITY, normalize, refine, format, ...documented } = options;
  const range = max === Number.POSITIVE_INFINITY ? `at least ${min}` : `${min} to ${max}`;
  return {
    check(value, report) {
      if (typeof value !== 'string') return refuse(report, 'must be a string');
      // A surrogate without its other half is no character: it can't be written as UTF-8 and come back.
      if (!value.isWellFormed()) return refuse(report, 'must not contain a lone surrogate');
      const normal = normalize === undefined ? value : value.normalize(normalize);
      const length = codePoints(normal);
      if (length < min || length > max) return refuse(report, `must be ${range} characters long`);
      const problem = refine?.(normal) ?? null;
      return problem === null ? normal : refuse(report, problem);
    },
    marshal: (value) => value,
    jsonSchema: {
      type: 'string',
      ...(min > 0 ? { minLength: min } : {}),
      ...(max < Number.POSITIVE_INFINITY ? { maxLength: max } : {}),
      ...(format === undefined ? {} : { format }),
      ...documentation(documented),
    },
  };
}

/** A whole number; as text only in its canonical form: `007`, `+7` and `7.0` are none. */
export function integer(
  options: Documented & { readonly min?: number; readonly max?: number } = {},
): Type<number> {
  const { min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER, ...documented } = options;
  return {
    check(value, report, source) {
      const number = source === 'text' ? canonicalInteger(value) : value;
      const fits = Number.isSafeInteger(number) && Number(number) >= min && Number(number) <= max;
      return fits ? Number(number) : refuse(report, `must be an integer from ${min} to ${max}`);
    },
    marshal: (value) => value,
    jsonSchema: { type: 'integer', minimum: min, maximum: max, ...documentation(documented) },
  };
}

/** The id of a row: 1 to 2^53 - 1. */
export function id(documented: Documented = {}): Type<number> {
  return integer({ min: 1, example: 1, ...documented });
}

export function boolean(documented: Documented = {}): Type<boolean> {
  return {
    check(value, report, source) {
      const known = source === 'text' ? { true: true, false: false }[String(value)] : value;
      return typeof known === 'boolean' ? known : refuse(report, 'must be true or false');
    },
    marshal: (value) => value,
    jsonSchema: { type: 'boolean', ...documentation(documented) },
  };
}

/** One of the given words. */
export function oneOf<const W extends string>(words: readonly W[], documented: Documented = {}): Type<W> {
  return {
    check(value, report) {
      return words.find((word) => word === value) ?? refuse(report, `must be one of ${words.join(', ')}`);
    },
    marshal: (value) => value,
    jsonSchema: { type: 'string', enum: words, ...documentation(documented) },
  };
}

/** Milliseconds since the epoch inside, `Mon, 23 Nov 2026 12:35:13 -0000` outside (RFC 822 as RFC 2822 §3.3 amends it). */
export function timestamp(documented: Documented = {}): Type<number> {
  const example = 'Mon, 23 Nov 2026 12:35:13 -0000';
  return {
    check(value, report) {
      const valueMs = typeof value === 'string' ? Date.parse(value) : Number.NaN;
      // Written again it must be the same: `Date.parse` takes far more than this, and the 31st of February too.
      const isCanonical = !Number.isNaN(valueMs) && rfc822(valueMs) === value;
      return isCanonical ? valueMs : refuse(report, `must be a date like ${example}`);
    },
    marshal: rfc822,
    jsonSchema: { type: 'string', example, ...documentation(documented) },
  };
}

/** An object with these fields; whatever else it has is ignored on the way in and stays behind on the way out. */
export function object<const F extends Fields>(fields: F, documented: Documented = {}): ObjectType<F> {
  const entries = Object.entries(fields) as [string, Type<unknown>][];
  return {
    fields,
    check(value, report, source) {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) {
        return refuse(report, 'must be an object');
      }
      const given = value as Record<string, unknown>;
      const checked = entries.map(([name, type]) => [name, checkField(given, name, type, report, source)]);
      return Object.fromEntries(checked) as InferFields<F>;
    },
    marshal(value) {
      const row = value as Record<string, unknown>;
      return Object.fromEntries(entries.map(([name, type]) => [name, type.marshal(row[name])]));
    },
    jsonSchema: {
      type: 'object',
      properties: Object.fromEntries(entries.map(([name, type]) => [name, type.jsonSchema])),
      ...requiredNames(entries),
      ...documentation(documented),
    },
  };
}

/**
 * The same object with every field optional, but not all of them absent: the body of a PATCH. What is absent is no key of
 * the result either.
 */
export function partial<F extends Fields>({ fields }: ObjectType<F>): Type<Partial<InferFields<F>>> {
  const names = Object.keys(fields);
  const optionals = names.map((name) => [name, optional(fields[name] as Type<unknown>)]);
  const loose = object<Fields>(Object.fromEntries(optionals));
  return {
    check(value, report, source) {
      const checked = loose.check(value, report, source);
      if (checked === undefined) return undefined;
      const given = names.filter((name) => Object.hasOwn(value as object, name));
      for (const name of given.length === 0 ? names : []) {
        report(`is required, unless another of ${names.join(', ')} is given`, name);
      }
      const entries = given.map((name) => [name, checked[name]]);
      return Object.fromEntries(entries) as Partial<InferFields<F>>;
    },
    marshal: (value) => loose.marshal(value as InferFields<Fields>),
    jsonSchema: { ...loose.jsonSchema, minProperties: 1 },
  };
}

export function array<T>(item: Type<T>, documented: Documented = {}): Type<readonly T[]> {
  return {
    check(value, report, source) {
      if (!Array.isArray(value)) return refuse(report, 'must be an array');
      return value.map((each, index) => item.check(each, nested(report, String(index)), source) as T);
    },
    marshal: (value) => value.map((each) => item.marshal(each)),
    jsonSchema: { type: 'array', items: item.jsonSchema, ...documentation(documented) },
  };
}

/** A page of a list: outside, a plain array. */
export function page<T>(item: Type<T>, documented: Documented = {}): Type<Page<T>> {
  const rows = array(item, documented);
  return {
    check(value, report, source) {
      const checked = rows.check(value, report, source);
      return checked && { rows: checked, next: null };
    },
    marshal: (value) => rows.marshal(value.rows),
    jsonSchema: rows.jsonSchema,
  };
}

/** May be absent. */
export function optional<T>(type: Type<T>): Type<T | undefined> {
  const whenThere = (value: T | undefined) => (value === undefined ? undefined : type.marshal(value));
  return { ...type, absent: { value: undefined }, marshal: whenThere };
}

/** May be absent, and is this value then. */
export function withDefault<T>(type: Type<T>, value: T): Type<T> {
  return { ...type, absent: { value }, jsonSchema: { ...type.jsonSchema, default: value } };
}

/** Documented as the type, but anything else, or nothing, is undefined instead of a problem: for what has an answer of its own. */
export function lenient<T>(type: Type<T>): Type<T | undefined> {
  return {
    ...optional(type),
    check(value, _report, source) {
      let isValid = true;
      const checked = type.check(value, () => (isValid = false), source);
      return isValid ? checked : undefined;
    },
  };
}

/** Any JSON at all, as it is: for documents that describe themselves. */
export function anything(documented: Documented = {}): Type<unknown> {
  return { check: (value) => value, marshal: (value) => value, jsonSchema: documentation(documented) };
}

function rfc822(valueMs: number): string {
  return new Date(valueMs).toUTCString().replace('GMT', '-0000');
}

function refuse(report: Report, problem: string): undefined {
  report(problem);
  return undefined;
}

function nested(report: Report, name: string): Report {
  return (problem, path) => report(problem, path === undefined ? name : `${name}.${path}`);
}

// `hasOwn`, because every object "has" a `constructor` that it inherited.
function checkField(
  given: Record<string, unknown>,
  name: string,
  type: Type<unknown>,
  report: Report,
  source: Source,
): unknown {
  const repeated = source === 'text' && Array.isArray(given[name]);
  if (repeated) return refuse(nested(report, name), 'is given more than once');
  if (Object.hasOwn(given, name)) return type.check(given[name], nested(report, name), source);
  if (type.absent !== undefined) return type.absent.value;
  return refuse(nested(report, name), 'is required');
}

function requiredNames(entries: readonly [string, Type<unknown>][]): JsonSchema {
  const required = entries.filter(([, type]) => type.absent === undefined).map(([name]) => name);
  return required.length === 0 ? {} : { required };
}

function documentation({ description, example }: Documented): JsonSchema {
  return {
    ...(description === undefined ? {} : { description }),
    ...(example === undefined ? {} : { examples: [example] }),
  };
}

function codePoints(value: string): number {
  let length = 0;
  for (const _ of value) length++;
  return length;
}

function canonicalInteger(value: unknown): number {
  return typeof value === 'string' && /^(0|-?[1-9]\d*)$/.test(value) ? Number(value) : Number.NaN;
}
