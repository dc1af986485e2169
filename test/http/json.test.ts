import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decodeText, parseJson } from '../../src/http/json.ts';

const NOT_AN_OBJECT = 'The JSON must be an object';
const TOO_DEEP = 'The JSON is nested more than 32 levels deep';
const TOO_MANY = 'The JSON has more than 10000 values';
const NOT_UTF8 = 'The body is not UTF-8';
const BYTE_ORDER_MARK = 'The body starts with a byte order mark';
const REASON = /^The body is not JSON: (?:it ends too early|unexpected input(?: at character \d+)?)$/;

function parse(content: string | Uint8Array) {
  return parseJson(Buffer.from(content as string));
}

function refuses(content: string | Uint8Array, message: string | RegExp): void {
  assert.throws(() => parse(content), { name: 'JotError', code: 'bad_request', message, details: {} });
}

function objects(levels: number): string {
  return `${'{"a":'.repeat(levels - 1)}{}${'}'.repeat(levels - 1)}`;
}

function arraysIn(levels: number): string {
  return `{"a":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`;
}

describe('parseJson accepts', () => {
  for (const [text, gives, why] of [
    ['{}', {}, 'an empty object'],
    [' \t\r\n{ "a" : 1 } \n', { a: 1 }, 'white space anywhere'],
    ['{"a":[1,-2.5e3,true,null,"x"]}', { a: [1, -2500, true, null, 'x'] }, 'every kind of value'],
    ['{"é":"\\u00e9😀"}', { é: 'é😀' }, 'text outside ASCII'],
    ['{"a":"\uFEFF"}', { a: '\uFEFF' }, 'a byte order mark inside'],
    ['{"a":1,"a":2}', { a: 2 }, 'a key twice: the last one'],
    ['{"a":"\\ud800"}', { a: '\ud800' }, 'half a character: the schema decides where it is kept'],
    ['{"a":"\\"}}]]"}', { a: '"}}]]' }, 'a quote and brackets in a string'],
  ] as const) {
    it(`${text.trim()}: ${why}`, () => assert.deepEqual(parse(text), gives));
  }

  it('__proto__, constructor and friends as ordinary keys', () => {
    const value = parse('{"__proto__":{"isAdmin":true},"constructor":1,"toString":2}');
    assert.deepEqual(Object.keys(value), ['__proto__', 'constructor', 'toString']);
    assert.equal(Object.getPrototypeOf(value), Object.prototype);
    assert.equal(value.isAdmin, undefined);
    assert.equal(({} as Record<string, unknown>).isAdmin, undefined);
  });
});

describe('parseJson counts levels, the outer object being the first', () => {
  for (const [name, nested] of [
    ['objects', objects],
    ['arrays', arraysIn],
  ] as const) {
    it(`takes 32 levels of ${name} and refuses 33`, () => {
      assert.ok(parse(nested(32)));
      refuses(nested(33), TOO_DEEP);
    });
  }

  for (const [content, why] of [
    [`{"a":"${'['.repeat(99)}${'{'.repeat(99)}"}`, 'brackets in a string are text'],
    [`{"${'['.repeat(99)}":1}`, 'brackets in a key too'],
    [`{"a":"\\"${'['.repeat(99)}"}`, 'an escaped quote does not end a string'],
    [`{"a":"\\\\\\"${'['.repeat(99)}"}`, 'nor does one behind an escaped backslash'],
    [`{"a":[${'[],'.repeat(99)}[]]}`, 'what stands side by side is not deep'],
    [`{${'"a":{"b":[]},'.repeat(99)}"c":1}`, 'objects side by side neither'],
  ] as const) {
    it(`takes many brackets: ${why}`, () => assert.ok(parse(content)));
  }

  for (const [content, why] of [
    [`{"a":"\\\\\\"[",${arraysIn(33).slice(1)}`, 'a string that holds a backslash and a quote has ended too'],
    [`{"a":"\\\\",${arraysIn(33).slice(1)}`, 'a string that ends in a backslash has ended'],
    [`{"a":${'['.repeat(60_000)}${']'.repeat(60_000)}}`, 'any depth is parsed without recursion'],
    [`${'['.repeat(33)}${']'.repeat(33)}`, 'even where the top level is no object'],
  ] as const) {
    it(`refuses many brackets: ${why}`, () => refuses(content, TOO_DEEP));
  }
});

describe('parseJson counts values, containers included', () => {
  const shapes: readonly (readonly [name: string, shape: (values: number) => string])[] = [
    ['numbers in an array', (values) => `{"a":[${'0,'.repeat(values - 3)}0]}`],
    ['keys', (values) => `{${'"a":0,'.repeat(values - 2)}"a":0}`],
    ['nested objects', (values) => `{"a":[0${',{"a":0}'.repeat((values - 3) / 2)}]}`],
    ['texts with commas', (values) => `{"a":[${'"",'.repeat(values - 3)}"${',[{'.repeat(9)}"]}`],
  ];
  for (const [name, shape] of shapes) {
    it(`accepts 9,999 ${name} and rejects more than 10,000`, () => {
      assert.ok(parse(shape(9_999)));
      refuses(shape(10_001), TOO_MANY);
    });
  }

  it('before V8 parses them', () => {
    refuses(`{"a":[${'0,'.repeat(10_000)}`, TOO_MANY);
  });
});

describe('parseJson rejects a top level that is not an object', () => {
  for (const text of ['[]', '[{}]', '1', '-0.5', '"text"', '""', 'true', 'false', 'null']) {
    it(text, () => refuses(text, NOT_AN_OBJECT));
  }
});

describe('parseJson rejects bytes that are not UTF-8', () => {
  for (const [bytes, why] of [
    [[0xff], 'a byte that never occurs'],
    [[0xc3, 0x28], 'a sequence that does not go on'],
    [[0xe9], 'Latin-1'],
    [[0xc0, 0xaf], 'a slash in two bytes'],
    [[0xed, 0xa0, 0x80], 'half a character'],
    [[0xf4, 0x90, 0x80, 0x80], 'past the end of Unicode'],
    [[0x80], 'the middle of a sequence'],
  ] as const) {
    it(why, () => {
      refuses(Buffer.concat([Buffer.from('{"a":"'), Buffer.from(bytes), Buffer.from('"}')]), NOT_UTF8);
    });
  }

  it('UTF-16, and takes the same text in UTF-8', () => {
    refuses(Buffer.from('\uFEFF{"a":"é"}', 'utf16le'), NOT_UTF8);
    assert.deepEqual(parse('{"a":"é"}'), { a: 'é' });
  });

  it('and a byte order mark, which is UTF-8 but not JSON', () => {
    refuses('\uFEFF{}', BYTE_ORDER_MARK);
    refuses('\uFEFF', BYTE_ORDER_MARK);
    refuses(' \uFEFF{}', /^The body is not JSON/);
  });
});

describe('parseJson reports the position or the reason', () => {
  const document = Buffer.from('{"a":[1,-2.5e3,true,false,null,"\\u00e9\\"é😀"],"b":{"c":"","d":{}}}');

  it('for a document that ends at any of its bytes', () => {
    assert.deepEqual(parse(document), {
      a: [1, -2500, true, false, null, 'é"é😀'],
      b: { c: '', d: {} },
    });
    for (let length = 0; length < document.length; length++) {
      const part = document.subarray(0, length);
      // Inside of a character of several bytes the text ends in half a character.
      const isWhole = part.toString().isWellFormed() && !part.toString().includes('\uFFFD');
      refuses(part, isWhole ? REASON : NOT_UTF8);
    }
  });

  it('for a document with anything after its end', () => {
    for (const rest of ['x', '{}', ']', '}', ',', '1', '"', '//', '\0', '\u00a0']) {
      const place = document.toString().length + 1;
      refuses(`${document}${rest}`, `The body is not JSON: unexpected input at character ${place}`);
    }
  });

  for (const [text, why] of [
    [`{"a":"\\"${'['.repeat(99)}`, 'brackets in a string without an end'],
    ['', 'nothing'],
    ['  ', 'only white space'],
    ['{"a":}', 'no value'],
    ['{"a":x}', 'a word'],
    ['{"a":01}', 'a leading zero'],
    ['{"a":1.}', 'no digit after the point'],
    ['{"a":+1}', 'a plus'],
    ['{"a":NaN}', 'not a number'],
    ['{"a":0x10}', 'hexadecimal'],
    ['{a:1}', 'a key without quotes'],
    ["{'a':1}", 'single quotes'],
    ['{"a":1,}', 'a comma too many'],
    ['{"a" 1}', 'no colon'],
    ['{"a":1 "b":2}', 'no comma'],
    ['{"a":[1,]}', 'a comma too many in an array'],
    ['{"a":[1}', 'brackets that do not match'],
    ['{/**/}', 'a comment'],
    ['{"a":"\n"}', 'a line end in a string'],
    ['{"a":"\t"}', 'a tab in a string'],
    ['{"a":"\\x"}', 'an escape that is none'],
    ['{"a":"\\u00g0"}', 'a bad Unicode escape'],
    ['a=1&b=2', 'a form'],
    ['<a/>', 'XML'],
    ['undefined', 'not a word of JSON'],
    ['tru', 'half a word'],
  ] as const) {
    it(`for ${JSON.stringify(text)}: ${why}`, () => refuses(text, REASON));
  }
});

describe('parseJson never quotes the input', () => {
  for (const [text, why] of [
    ['hunter2', 'short'],
    ['{"password":hunter2}', 'a value without quotes'],
    ['{"password":"hunter2"', 'cut off'],
    ['{"password":"hunter2', 'cut off inside'],
    ['{"password":"hunter2\n"}', 'a line end'],
    ['{"password":"hunter2",}', 'a comma too many'],
    ['{hunter2:1}', 'a key'],
    [`{"a":"${'x'.repeat(99)}","password":hunter2,"b":"${'x'.repeat(99)}"}`, 'in the middle'],
    ['["hunter2"]', 'not an object'],
    ['\uFEFF{"password":"hunter2"}', 'a byte order mark'],
  ] as const) {
    it(`${JSON.stringify(text).slice(0, 50)}: ${why}`, () => {
      assert.throws(
        () => parse(text),
        (error: Error) => !`${error.message} ${JSON.stringify(error)}`.includes('hunter'),
      );
    });
  }

  for (const [text, why] of [
    ['at position 4711', 'a text that looks like a place'],
    ['[x at position 4711', 'the same inside'],
    ['x end of JSON', 'a text that looks like an early end'],
  ] as const) {
    it(`nor mistakes ${JSON.stringify(text)} for the engine's message: ${why}`, () => {
      assert.throws(
        () => parse(text),
        ({ message }: Error) => !message.includes('4711') && !message.includes('too early'),
      );
    });
  }
});

describe('decodeText', () => {
  it('returns the text with its byte order mark, and rejects bytes that are not UTF-8', () => {
    assert.equal(decodeText(Buffer.from('\uFEFFé😀\0')), '\uFEFFé😀\0');
    assert.equal(decodeText(Buffer.alloc(0)), '');
    assert.throws(() => decodeText(Buffer.from([0xe9])), { code: 'bad_request', message: NOT_UTF8 });
  });
});
