import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import {
  anything,
  array,
  boolean,
  type Infer,
  id,
  integer,
  type JsonSchema,
  lenient,
  object,
  oneOf,
  optional,
  page,
  partial,
  type Type,
  text,
  timestamp,
  validate,
  withDefault,
} from '../../src/schema/schema.ts';

const CREATED = Date.UTC(2026, 10, 23, 12, 35, 13);
const INT = { type: 'integer', minimum: -9007199254740991, maximum: 9007199254740991 };

const user = object({ id: id(), username: text(), created: timestamp() });
const row = { id: 1, username: 'matt', created: CREATED, password_hash: '$scrypt$…', version: 3 };

describe('marshal', () => {
  it('omits undeclared fields', () => {
    assert.deepEqual(user.marshal(row), {
      id: 1,
      username: 'matt',
      created: 'Mon, 23 Nov 2026 12:35:13 -0000',
    });
  });

  it('omits undeclared fields in nested objects, arrays and pages too', () => {
    const public_ = { id: 1, username: 'matt', created: 'Mon, 23 Nov 2026 12:35:13 -0000' };
    assert.deepEqual(object({ user }).marshal({ user: row }), { user: public_ });
    assert.deepEqual(array(user).marshal([row, row]), [public_, public_]);
    assert.deepEqual(page(user).marshal({ rows: [row], next: 1 }), [public_]);
  });

  it('writes the declared fields in their declared order', () => {
    assert.equal(
      JSON.stringify(user.marshal({ created: 0, username: 'matt', id: 1 })),
      '{"id":1,"username":"matt","created":"Thu, 01 Jan 1970 00:00:00 -0000"}',
    );
  });

  const times: readonly [ms: number, printed: string, why: string][] = [
    [CREATED, 'Mon, 23 Nov 2026 12:35:13 -0000', 'as in the contract'],
    [CREATED + 999, 'Mon, 23 Nov 2026 12:35:13 -0000', 'milliseconds are cut off, not rounded'],
    [Date.UTC(2026, 0, 1), 'Thu, 01 Jan 2026 00:00:00 -0000', 'a day of one digit has two'],
    [Date.UTC(2024, 1, 29, 23, 59, 59), 'Thu, 29 Feb 2024 23:59:59 -0000', 'a leap day, the hour of 24'],
  ];
  for (const [ms, printed, why] of times) {
    it(`writes the timestamp ${ms} as ${printed}: ${why}`, () => {
      assert.equal(timestamp().marshal(ms), printed);
      assert.equal(validate(timestamp(), printed), ms - (ms % 1000));
    });
  }

  it('keeps scalars, words and documents unchanged', () => {
    assert.equal(text().marshal('é'), 'é');
    assert.equal(integer().marshal(-5), -5);
    assert.equal(boolean().marshal(false), false);
    assert.equal(oneOf(['asc', 'desc']).marshal('asc'), 'asc');
    assert.deepEqual(anything().marshal({ a: [null] }), { a: [null] });
  });

  it('writes no key for an absent optional field', () => {
    assert.equal(optional(timestamp()).marshal(undefined), undefined);
    assert.equal(optional(object({ a: text() })).marshal(undefined), undefined);
    const type = object({ a: optional(text()), b: lenient(timestamp()), c: lenient(timestamp()) });
    const json = JSON.stringify(type.marshal({ a: undefined, b: undefined, c: 0 }));
    assert.equal(json, '{"c":"Thu, 01 Jan 1970 00:00:00 -0000"}');
  });

  it('writes the default of a field that a row lacks', () => {
    const type = object({ bio: withDefault(text(), 'none') });
    assert.deepEqual(type.marshal({ bio: 'a' }), { bio: 'a' });
    assert.deepEqual(type.marshal(JSON.parse('{}')), { bio: 'none' });
  });
});

describe('jsonSchema', () => {
  const schemas: readonly [name: string, type: { readonly jsonSchema: JsonSchema }, schema: JsonSchema][] = [
    ['text', text(), { type: 'string' }],
    ['text with limits', text({ min: 1, max: 9 }), { type: 'string', minLength: 1, maxLength: 9 }],
    ['text with a format', text({ format: 'password' }), { type: 'string', format: 'password' }],
    [
      'text with words about it',
      text({ description: 'A name', example: 'matt', normalize: 'NFC', refine: () => null }),
      { type: 'string', description: 'A name', examples: ['matt'] },
    ],
    ['integer', integer(), INT],
    ['integer with limits', integer({ min: 0, max: 9 }), { type: 'integer', minimum: 0, maximum: 9 }],
    ['id', id(), { type: 'integer', minimum: 1, maximum: 9007199254740991, examples: [1] }],
    [
      'id with words about it',
      id({ description: 'Whose', example: 7 }),
      { type: 'integer', minimum: 1, maximum: 9007199254740991, description: 'Whose', examples: [7] },
    ],
    ['boolean', boolean({ description: 'Live' }), { type: 'boolean', description: 'Live' }],
    ['oneOf', oneOf(['asc', 'desc']), { type: 'string', enum: ['asc', 'desc'] }],
    ['timestamp', timestamp(), { type: 'string', examples: ['Mon, 23 Nov 2026 12:35:13 -0000'] }],
    ['array', array(boolean()), { type: 'array', items: { type: 'boolean' } }],
    ['page, the same as an array', page(boolean()), { type: 'array', items: { type: 'boolean' } }],
    ['anything', anything(), {}],
    ['optional, the same as the type', optional(boolean()), { type: 'boolean' }],
    ['lenient, the same as the type', lenient(boolean()), { type: 'boolean' }],
    ['withDefault', withDefault(boolean(), false), { type: 'boolean', default: false }],
    [
      'withDefault of a time, written as JSON',
      withDefault(timestamp(), 0),
      { ...timestamp().jsonSchema, default: 'Thu, 01 Jan 1970 00:00:00 -0000' },
    ],
    ['optional of a default, which does not apply', optional(withDefault(text(), 'a')), { type: 'string' }],
    ['object without fields', object({}), { type: 'object', properties: {} }],
    [
      'object',
      object(
        { a: boolean(), b: optional(boolean()), c: withDefault(boolean(), true), d: lenient(boolean()) },
        { description: 'Letters' },
      ),
      {
        type: 'object',
        properties: {
          a: { type: 'boolean' },
          b: { type: 'boolean' },
          c: { type: 'boolean', default: true },
          d: { type: 'boolean' },
        },
        required: ['a', 'd'],
        description: 'Letters',
      },
    ],
    [
      'partial',
      partial(object({ a: boolean(), b: withDefault(boolean(), true), c: optional(boolean()) })),
      {
        type: 'object',
        properties: { a: { type: 'boolean' }, b: { type: 'boolean' }, c: { type: 'boolean' } },
        minProperties: 1,
      },
    ],
  ];
  for (const [name, { jsonSchema }, schema] of schemas) {
    it(`describes ${name}`, () => assert.deepEqual(jsonSchema, schema));
  }
});

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

// What is tested is that this compiles; a type that is wrong stops `tsc`.
test('Infer is the type that the declaration describes', () => {
  const declared = object({
    id: id(),
    title: text(),
    live: boolean(),
    order: oneOf(['asc', 'desc']),
    tags: array(text()),
    rest: optional(integer()),
    user: object({ name: lenient(text()) }),
    any: anything(),
  });
  interface Declared {
    readonly id: number;
    readonly title: string;
    readonly live: boolean;
    readonly order: 'asc' | 'desc';
    readonly tags: readonly string[];
    readonly rest?: number | undefined;
    readonly user: { readonly name?: string | undefined };
    readonly any: unknown;
  }
  const inferred: Same<Infer<typeof declared>, { readonly [K in keyof Declared]: Declared[K] }> = true;
  // @ts-expect-error `order` is one of two words, not any text.
  const other: Same<Infer<typeof declared>, Omit<Declared, 'order'> & { readonly order: string }> = true;
  assert.equal(inferred && other, true);

  const given = { id: 1, title: 'a', live: true, order: 'asc', tags: [], user: {}, any: null };
  const { order, rest, user: owner }: Declared = validate(declared, given);
  assert.deepEqual([order, rest, owner.name], ['asc', undefined, undefined]);

  const stored: { readonly title: string; readonly bio?: string | undefined } = { title: 'a' };
  const shown = object({ title: text(), bio: optional(text()) });
  assert.equal(JSON.stringify(shown.marshal(stored)), '{"title":"a"}');
  // @ts-expect-error A field that the row may lack is no required one.
  assert.equal(JSON.stringify(object({ title: text(), bio: text() }).marshal(stored)), '{"title":"a"}');

  const change: Type<{ readonly title?: string }> = partial(object({ title: text() }));
  // @ts-expect-error A text is no number.
  const wrong: Type<{ readonly title?: number }> = partial(object({ title: text() }));
  assert.deepEqual(validate(change, { title: 'a' }), validate(wrong, { title: 'a' }));
});
