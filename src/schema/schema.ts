// Types that exist at run time. Written separately, the checks of an input, the shape of a
// response, the documentation and the static type contradict each other sooner or later. Here one
// declaration, `object({ title: text({ max: 200 }) })`, provides all four: it checks input,
// marshals output to public JSON, becomes JSON Schema in the documentation, and yields the static
// type for TypeScript.
//
// Checking collects: one error names every invalid field. Marshalling is the guard at the exit: an
// undeclared field never leaves, so a password hash in a row stays there.
//
// Left out: unions, recursion, conditional rules. A field that needs more than its type takes a
// `refine`.

import type { Page } from '../lib/page.ts';
import {
  type Documented,
  documentation,
  type Infer,
  type JsonSchema,
  type OptionalType,
  type Report,
  refuse,
  type Source,
  type Type,
} from './type.ts';

export type { Page } from '../lib/page.ts';
export * from './scalars.ts';
export {
  type Documented,
  type Infer,
  type JsonSchema,
  type OptionalType,
  type Report,
  type Source,
  type Type,
  validate,
} from './type.ts';

export type Fields = Readonly<Record<string, Type<unknown>>>;
export type InferFields<F extends Fields> = Flat<
  { readonly [K in Exclude<keyof F, OptionalIn<F>>]: Infer<F[K]> } & {
    readonly [K in OptionalIn<F>]?: Infer<F[K]>;
  }
>;

type OptionalIn<F extends Fields> = {
  [K in keyof F]: F[K] extends OptionalType<unknown> ? K : never;
}[keyof F];
type Flat<T> = { [K in keyof T]: T[K] };

export interface ObjectType<F extends Fields> extends Type<InferFields<F>> {
  readonly fields: F;
}

/** An object with these fields; whatever else it has is ignored on the way in and stays behind on the way out. */
export function object<const F extends Fields>(fields: F, documented: Documented = {}): ObjectType<F> {
  const entries = Object.entries(fields) as [string, Type<unknown>][];
  // Objects that are copies of one and then filled in have one shape, and a field may be called `__proto__` there.
  const blank: Record<string, unknown> = Object.fromEntries(entries.map(([name]) => [name, undefined]));
  return {
    fields,
    check(value, report, source) {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) {
        return refuse(report, 'must be an object');
      }
      const given = value as Record<string, unknown>;
      const checked = { ...blank };
      for (const [name, type] of entries) checked[name] = checkField(given, name, type, report, source);
      return checked as InferFields<F>;
    },
    marshal(value) {
      const row = value as Record<string, unknown>;
      const shown = { ...blank };
      for (const [name, type] of entries) shown[name] = type.marshal(row[name]);
      return shown;
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
  const loose = object<Fields>(optionals(fields));
  return {
    check(value, report, source) {
      const checked = loose.check(value, report, source);
      if (checked === undefined) return undefined;
      const given = names.filter((name) => Object.hasOwn(value as object, name));
      for (const name of given.length === 0 ? names : []) {
        const others = names.filter((each) => each !== name).join(' or ');
        report(`is required${others === '' ? '' : ` unless ${others} is given`}`, name);
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

/** A field that may be missing, in requests and in rows. A default of the type does not apply. */
export function optional<T>(type: Type<T>): OptionalType<T> {
  const { default: _, ...jsonSchema } = type.jsonSchema;
  const marshal = (value: T | undefined) => (value === undefined ? undefined : type.marshal(value));
  return { ...type, absent: { value: undefined }, marshal, jsonSchema };
}

/** Returns the fields, each of them optional. */
export function optionals<F extends Fields>(fields: F) {
  const entries = Object.entries(fields).map(([name, type]) => [name, optional(type)]);
  return Object.fromEntries(entries) as { readonly [K in keyof F]: OptionalType<Infer<F[K]>> };
}

/** A field that has this value if it is missing, in requests and in rows. */
export function withDefault<T>(type: Type<T>, value: T): Type<T> {
  const marshal = (given: T) => type.marshal(given === undefined ? value : given);
  const jsonSchema = { ...type.jsonSchema, default: type.marshal(value) };
  return { ...type, absent: { value }, marshal, jsonSchema };
}

/**
 * Documented like the type, but a wrong or missing value becomes undefined instead of a problem.
 */
export function lenient<T>(type: Type<T>): OptionalType<T> {
  return {
    ...optional(type),
    isExpected: true,
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
  const isGiven = Object.hasOwn(given, name);
  if (!isGiven && type.absent !== undefined) return type.absent.value;
  const within = nested(report, name);
  if (!isGiven) return refuse(within, 'is required');
  const value = given[name];
  const isRepeated = source === 'text' && Array.isArray(value);
  return isRepeated ? refuse(within, 'is given more than once') : type.check(value, within, source);
}

function requiredNames(entries: readonly [string, Type<unknown>][]): JsonSchema {
  const required = entries
    .filter(([, type]) => type.absent === undefined || type.isExpected === true)
    .map(([name]) => name);
  return required.length === 0 ? {} : { required };
}
