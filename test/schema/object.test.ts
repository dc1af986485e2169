import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  anything,
  array,
  id,
  integer,
  lenient,
  object,
  optional,
  page,
  partial,
  type Type,
  text,
  validate,
  withDefault,
} from '../../src/schema/schema.ts';
import { testType } from '../support/cases/type-table.ts';

const post = object({ title: text({ min: 1, max: 200 }), body: text() });

function refuses(type: Type<unknown>, value: unknown, fields: Record<string, string>): void {
  assert.throws(() => validate(type, value), { code: 'validation_failed', details: { fields } });
}

testType('object', {
  type: object({}),
  source: 'json',
  good: [
    [{}, {}, 'no fields'],
    [{ a: 1 }, {}, 'an unknown key is ignored'],
  ],
  problem: 'must be an object',
  bad: [
    [[], 'an array is none, though typeof says so'],
    [null, 'neither is null'],
    ['{}', 'nor its JSON'],
    [undefined, 'nor undefined'],
  ],
});

testType('array', {
  type: array(integer()),
  source: 'json',
  good: [
    [[], [], 'empty'],
    [[2, 1], [2, 1], 'in the order given'],
  ],
  problem: 'must be an array',
  bad: [
    [{ length: 1, 0: 2 }, 'what only looks like one'],
    ['2', 'a text is no array of characters'],
    [null, 'null is not empty'],
  ],
});

testType('page', {
  type: page(integer()),
  source: 'json',
  good: [[[2, 1], { rows: [2, 1], next: null }, 'a plain array outside']],
  problem: 'must be an array',
  bad: [[{ rows: [2, 1], next: null }, 'what a page is inside is not what it is outside']],
});

describe('validate with object()', () => {
  it('names every bad field at once, and those only', () => {
    const fields = { a: integer(), b: text(), c: text({ max: 1 }), d: integer() };
    refuses(
      object(fields),
      { a: 'x', c: 'xx', d: 1 },
      {
        a: 'must be an integer from -9007199254740991 to 9007199254740991',
        b: 'is required',
        c: 'must be 0 to 1 characters long',
      },
    );
  });

  it('lists the invalid fields in the message', () => {
    assert.throws(() => validate(post, {}), { message: 'Not valid: title, body' });
  });

  it('explains in the message why a value without fields is invalid', () => {
    assert.throws(() => validate(post, 'title'), { message: 'The value must be an object' });
  });

  it('returns an object of the declared fields alone', () => {
    assert.deepEqual(validate(post, { title: 'a', body: '', id: 7, admin: true }), { title: 'a', body: '' });
  });

  it('distinguishes a null field from an absent one', () => {
    refuses(post, { title: null }, { title: 'must be a string', body: 'is required' });
  });

  it('passes the source on to fields and items', () => {
    const items = array(object({ user: object({ n: integer({ min: 1, max: 9 }) }) }));
    assert.deepEqual(validate(items, [{ user: { n: '5' } }], 'text'), [{ user: { n: 5 } }]);
    refuses(items, [{ user: { n: '5' } }], { '0.user.n': 'must be an integer from 1 to 9' });
  });

  it('rejects a field repeated in a form or query, whatever its type', () => {
    const query = object({ limit: optional(integer()), name: lenient(text()), order: text() });
    const given = { limit: ['1', '1'], name: ['a', 'b'], order: ['asc'], unknown: ['a', 'b'] };
    assert.throws(() => validate(query, given, 'text'), {
      details: {
        fields: {
          limit: 'is given more than once',
          name: 'is given more than once',
          order: 'is given more than once',
        },
      },
    });
  });

  it('names nested fields by their path', () => {
    const type = object({ posts: array(post), user: object({ name: text() }) });
    const value = { posts: [{ title: 'a', body: 'b' }, { title: '', body: 5 }, 7], user: {} };
    refuses(type, value, {
      'posts.1.title': 'must be 1 to 200 characters long',
      'posts.1.body': 'must be a string',
      'posts.2': 'must be an object',
      'user.name': 'is required',
    });
  });

  it('accepts anything as it is, also null, but not undefined', () => {
    const type = object({ value: anything() });
    assert.deepEqual(validate(type, { value: [null, { a: 1 }] }), { value: [null, { a: 1 }] });
    assert.deepEqual(validate(type, { value: null }), { value: null });
    refuses(type, {}, { value: 'is required' });
  });
});

describe('validate with inherited names', () => {
  const names = ['__proto__', 'constructor', 'hasOwnProperty', 'toString'];

  it('ignores them as unknown keys', () => {
    const body = '{"title":"a","body":"b","__proto__":{"admin":true},"constructor":{"prototype":{"x":1}}}';
    const checked = validate(post, JSON.parse(body));
    assert.deepEqual(Object.keys(checked), ['title', 'body']);
    assert.equal(Object.getPrototypeOf(checked), Object.prototype);
    assert.equal('admin' in checked, false);
    assert.equal('x' in {}, false);
  });

  for (const name of names) {
    const type = object(Object.fromEntries([[name, anything()]]));

    it(`requires a field named ${name} that is only inherited`, () => {
      assert.throws(() => validate(type, {}), { message: `Not valid: ${name}` });
    });

    it(`accepts an own field named ${name}`, () => {
      const checked = validate(type, JSON.parse(`{${JSON.stringify(name)}:5}`));
      assert.deepEqual(Object.entries(checked), [[name, 5]]);
      assert.equal(Object.getPrototypeOf(checked), Object.prototype);
    });
  }
});

describe('partial()', () => {
  const change = partial(post);

  it('returns the present fields, and no key for the others', () => {
    const checked = validate(change, { body: 'b', id: 5 });
    assert.deepEqual(checked, { body: 'b' });
    assert.deepEqual(Object.keys(checked), ['body']);
    assert.deepEqual(validate(change, { title: 'a', body: 'b' }), { title: 'a', body: 'b' });
  });

  it('names all of the fields if none is present', () => {
    const problems = { title: 'is required unless body is given', body: 'is required unless title is given' };
    refuses(change, {}, problems);
    refuses(change, { id: 5, admin: true }, problems);
    refuses(
      partial(object({ a: text(), b: text(), c: text() })),
      {},
      {
        a: 'is required unless b or c is given',
        b: 'is required unless a or c is given',
        c: 'is required unless a or b is given',
      },
    );
  });

  it('checks present fields by the same rules, including null', () => {
    refuses(change, { title: '' }, { title: 'must be 1 to 200 characters long' });
    refuses(change, { title: null, body: 5 }, { title: 'must be a string', body: 'must be a string' });
  });

  it('rejects a non-object', () => {
    refuses(change, null, { '': 'must be an object' });
  });

  it('does not accept an inherited name as a field', () => {
    const type = partial(object({ constructor: text() }));
    refuses(type, {}, { constructor: 'is required' });
  });

  it('adds no default for a field that is absent', () => {
    const type = partial(object({ limit: withDefault(integer(), 50), after: integer() }));
    assert.deepEqual(validate(type, { after: 1 }), { after: 1 });
  });

  it('marshals the present fields', () => {
    const json = JSON.stringify(change.marshal({ title: 'a' }));
    assert.equal(json, '{"title":"a"}');
  });
});

describe('optional, withDefault and lenient', () => {
  it('optional is undefined if absent, and checked if present', () => {
    const type = object({ limit: optional(integer({ min: 1, max: 9 })) });
    assert.deepEqual(validate(type, {}), { limit: undefined });
    assert.deepEqual(validate(type, { limit: 5 }), { limit: 5 });
    refuses(type, { limit: 0 }, { limit: 'must be an integer from 1 to 9' });
    refuses(type, { limit: null }, { limit: 'must be an integer from 1 to 9' });
  });

  it('withDefault is its value if absent, and checked if present', () => {
    const type = object({ after: withDefault(integer({ min: 0, max: 9 }), 0) });
    assert.deepEqual(validate(type, {}), { after: 0 });
    assert.deepEqual(validate(type, { after: 5 }), { after: 5 });
    refuses(type, { after: 10 }, { after: 'must be an integer from 0 to 9' });
  });

  it('lenient is undefined for an absent or invalid value, without an error', () => {
    const type = object({ name: lenient(text({ max: 3 })), other: id() });
    assert.deepEqual(validate(type, { name: 'abc', other: 1 }), { name: 'abc', other: 1 });
    assert.deepEqual(validate(type, { other: 1 }), { name: undefined, other: 1 });
    assert.deepEqual(validate(type, { name: 5, other: 1 }), { name: undefined, other: 1 });
    assert.deepEqual(validate(type, { name: 'abcd', other: 1 }), { name: undefined, other: 1 });
    refuses(type, { name: 5, other: 0 }, { other: 'must be an integer from 1 to 9007199254740991' });
  });

  it('lenient is undefined as a whole if a part is invalid', () => {
    const type = object({ one: lenient(object({ a: id() })), many: lenient(array(id())) });
    assert.deepEqual(validate(type, { one: { a: 'x' }, many: ['x'] }), { one: undefined, many: undefined });
    assert.deepEqual(validate(type, { one: { a: 1 }, many: [1] }), { one: { a: 1 }, many: [1] });
  });

  it('lenient reads from the same source as the type it wraps', () => {
    const type = object({ n: lenient(integer()) });
    assert.deepEqual(validate(type, { n: '5' }, 'text'), { n: 5 });
    assert.deepEqual(validate(type, { n: '5' }, 'json'), { n: undefined });
  });
});
