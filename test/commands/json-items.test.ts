import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Item, readItems } from '../../src/commands/json-items.ts';
import { seededRandom } from '../support/model/random.ts';

const MUTATIONS = 4_000;
const MEBIBYTE = 1024 * 1024;

async function* piecesOf(pieces: readonly (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield typeof piece === 'string' ? Buffer.from(piece) : piece;
}

async function itemsIn(...pieces: (string | Uint8Array)[]): Promise<Item[]> {
  const items: Item[] = [];
  for await (const item of readItems(piecesOf(pieces))) items.push(item);
  return items;
}

/** The object that the items were taken from; each key was there once. */
function regrouped(items: readonly Item[]): object {
  const members = new Map<string, unknown>();
  for (const { key, value, isOfList } of items) {
    const before = members.get(key);
    members.set(key, isOfList ? [...(Array.isArray(before) ? before : []), value] : value);
  }
  return Object.fromEntries(members);
}

function refusal(message: RegExp) {
  return { name: 'JotError', code: 'bad_request', message };
}

/** What JSON.parse gives, where that is an object; null for everything else. */
function objectIn(text: string): object | null {
  try {
    const value = JSON.parse(text);
    return typeof value === 'object' && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

const good: readonly (readonly [text: string, reason: string])[] = [
  ['{}', 'nothing'],
  [' \t\r\n{ \n} \n', 'white space everywhere'],
  ['{"a":1}', 'a member'],
  ['{"a":1,"b":"two","c":null,"d":true}', 'several members'],
  ['{"a":[]}', 'an empty list'],
  ['{"a":[ \n ]}', 'an empty list with white space'],
  ['{"a":[1]}', 'one item'],
  ['{"a":[1,2,3],"b":[4]}', 'lists one after the other'],
  ['{"a":[{"b":[1,{"c":[]}]},[[],[2]]]}', 'lists in items'],
  ['{"a":{"b":[1,2],"c":{}}}', 'a list inside of a member is no list of items'],
  ['{"a" : [ 1 , 2 ] , "b" : { "c" : 3 } }', 'spaces around every sign'],
  [`{"a":["]","}","{[,\\"","\\\\"],"b}":"]"}`, 'brackets, quotes and backslashes in strings'],
  ['{"a\\"]":["\\\\\\"]"],"":[""]}', 'the same in keys, and an empty key'],
  ['{"__proto__":[{"__proto__":1}],"constructor":2}', 'names that objects have already'],
  ['{"a":["zoé 😀 \\ud83d\\ude00 \\ud800",-0.1e-7,1e400]}', 'characters and numbers of all sorts'],
  ['{"a":["\u2028\u00a0\ufeff"]}', 'in a string these are characters like others'],
];

describe('readItems', () => {
  it('takes what is nested as deep as may be, and refuses more before it looks at what is wrong in it', async () => {
    const nested = (levels: number, inside: string) =>
      `{"a":${'['.repeat(levels - 1)}${inside}${']'.repeat(levels - 1)}}`;
    assert.equal((await itemsIn(nested(64, ''))).length, 1);
    await assert.rejects(itemsIn(nested(65, '')), refusal(/^It is nested more than 64 levels deep$/));
    await assert.rejects(itemsIn(nested(200_000, 'x')), refusal(/^It is nested more than 64 levels deep$/));
  });

  for (const [text, reason] of good) {
    it(`gives what JSON.parse gives, however it is cut: ${reason}`, async () => {
      const expected = JSON.parse(text);
      const bytes = Buffer.from(text);
      assert.deepEqual(regrouped(await itemsIn(text)), expected);
      for (let at = 0; at <= bytes.length; at++) {
        const pieces = [bytes.subarray(0, at), Buffer.alloc(0), bytes.subarray(at)];
        assert.deepEqual(regrouped(await itemsIn(...pieces)), expected, `cut at ${at}`);
      }
      const single = [...bytes].map((byte) => Buffer.from([byte]));
      assert.deepEqual(regrouped(await itemsIn(...single)), expected, 'byte by byte');
    });
  }

  it('tells the items of a list from a member, and an empty list from none', async () => {
    const items = await itemsIn('{"a":[1,[]],"b":[],"c":{"d":[2]}}');
    assert.deepEqual(items, [
      { key: 'a', value: 1, isOfList: true },
      { key: 'a', value: [], isOfList: true },
      { key: 'b', value: [], isOfList: false },
      { key: 'c', value: { d: [2] }, isOfList: false },
    ]);
  });

  it('gives an item before it has read the next one', async () => {
    const read: string[] = [];
    async function* pieces() {
      for (const piece of ['{"a":[1', ',2', ']}']) {
        read.push(piece);
        yield Buffer.from(piece);
      }
    }
    for await (const { value } of readItems(pieces())) read.push(`item ${value}`);
    assert.deepEqual(read, ['{"a":[1', ',2', 'item 1', ']}', 'item 2']);
  });

  const bad: readonly (readonly [text: string, reason: string])[] = [
    ['', 'nothing at all'],
    ['   ', 'nothing but white space'],
    ['null', 'no object'],
    ['5', 'a number'],
    ['"{}"', 'a string with an object in it'],
    ['[]', 'a list'],
    ['[{"a":1}]', 'a list at the top'],
    ['}', 'an end without a beginning'],
    ['"a":1}', 'a member without a beginning'],
    [']', 'another end'],
    ['{', 'a beginning without an end'],
    ['{}}', 'two ends'],
    ['{} {}', 'two objects'],
    ['{},', 'a comma behind the end'],
    ['{}x', 'text behind the end'],
    ['x{}', 'text in front of the beginning'],
    ['\ufeff{}', 'a byte order mark'],
    ['{}\ufeff', 'a byte order mark at the end'],
    ['{\u00a0}', 'white space that is none in JSON'],
    ['{"a":[\u2028]}', 'a line separator in a list'],
    ['{\v"a":1}', 'a vertical tab'],
    ['{"a":[1],\f"b":2}', 'a form feed'],
    ['{,}', 'a comma alone'],
    ['{"a":1,}', 'a comma too many'],
    ['{"a":[1,]}', 'a comma too many in a list'],
    ['{"a":[,1]}', 'a comma too many in front'],
    ['{"a":[1]"b":2}', 'a comma missing behind a list'],
    ['{"a":[1]"b":[2]}', 'a comma missing between lists'],
    ['{"a":[1][2]}', 'a list behind a list'],
    ['{"a":1[2]}', 'a value in front of a list'],
    ['{"a":"b"[2]}', 'a string in front of a list'],
    ['{"a"[2]}', 'no colon'],
    ['{[2]}', 'a list without a name'],
    ['{"a":[1],[2]}', 'a second list without a name'],
    ['{a:1}', 'a name without quotes'],
    ["{'a':1}", 'the other quotes'],
    ['{"a":[1}', 'another kind of bracket'],
    ['{"a":1]', 'another kind of bracket'],
    ['{"a":[{"b":1]}]}', 'crossed brackets in an item'],
    ['{"a":[1 2]}', 'two values in one item'],
    ['{"a":["\n"]}', 'a newline in a string'],
    ['{"a":["\\x"]}', 'no such escape'],
    ['{"a":[01]}', 'a leading zero'],
    ['{"a":[NaN]}', 'no number'],
    ['{"a":1}/**/', 'a comment'],
  ];
  for (const [text, reason] of bad) {
    it(`refuses ${JSON.stringify(text)}: ${reason}`, async () => {
      assert.equal(objectIn(text), null, 'JSON.parse refuses it too');
      await assert.rejects(itemsIn(text), refusal(/^It is not JSON: /));
      await assert.rejects(itemsIn(...[...Buffer.from(text)].map((byte) => Buffer.from([byte]))));
    });
  }

  const places: readonly (readonly [text: string, where: string, reason: string])[] = [
    ['{"a":1,,"b":2}', 'unexpected input at line 1, character 8', 'a comma twice'],
    ['{\n"a":[\n{"b":1},\n,{}]}', 'unexpected input at line 4, character 1', 'a comma twice in a list'],
    [
      '{"a":[\n1],\n "b":[2 3]}',
      'unexpected input at line 3, character 9',
      'a comma missing in a later list',
    ],
    ['{"a" 1}', 'unexpected input at line 1, character 6', 'a colon missing'],
    ['{"a":[{"b" 1}]}', 'unexpected input at line 1, character 12', 'a colon missing in an item'],
    ['{"a":[{"b":1]}]}', 'unexpected input at line 1, character 13', 'crossed brackets'],
    ['{"a":1]', 'unexpected input at line 1, character 7', 'another bracket'],
    ['{"a":[1,]}', 'unexpected input at line 1, character 9', 'a comma in front of the end'],
    ['{"a":1,}', 'unexpected input at line 1, character 8', 'a comma in front of the end'],
    ['{,,}', 'unexpected input at line 1, character 2', 'nothing but commas'],
    ['{"a":[1]\n"b":2}', 'unexpected input at line 2, character 1', 'a comma missing behind a list'],
    ['{"a":[1][2]}', 'unexpected input at line 1, character 9', 'a list behind a list'],
    ['x', 'unexpected input at line 1, character 1', 'no JSON'],
    ['\n[1 2]', 'unexpected input at line 2, character 1', 'a list, which is no object'],
    ['{"a":[]}\n\n {', 'unexpected input at line 3, character 2', 'something behind the end'],
    ['{"a":[]},', 'unexpected input at line 1, character 9', 'a comma behind the end'],
    ['{"a" x', 'unexpected input at line 1, character 6', 'a colon missing in front of the end of the text'],
    ['{\n"a":[1,\n', 'it ends too early at line 3, character 1', 'the end in a list'],
    ['{"a":[1]', 'it ends too early at line 1, character 9', 'the end behind a list'],
    ['{"a":["b', 'it ends too early at line 1, character 9', 'the end in a string'],
    ['\n ', 'it ends too early at line 2, character 2', 'white space alone'],
  ];
  for (const [text, where, reason] of places) {
    it(`says where ${JSON.stringify(text)} is wrong: ${reason}`, async () => {
      const expected = refusal(new RegExp(`^It is not JSON: ${where}$`));
      await assert.rejects(itemsIn(text), expected);
      await assert.rejects(itemsIn(...[...Buffer.from(text)].map((byte) => Buffer.from([byte]))), expected);
    });
  }

  it('refuses a document that is cut off anywhere', async () => {
    const text = '{"format":"jot-export","users":[{"username":"zoé \\"😀"},{}],"posts":[]}';
    const bytes = Buffer.from(text);
    for (let length = 0; length < bytes.length; length++) {
      const expected = {
        code: 'bad_request',
        message: /^It is not (?:JSON: it ends too early at line|UTF-8)/,
      };
      await assert.rejects(itemsIn(bytes.subarray(0, length)), expected, `${length} bytes`);
    }
    assert.equal((await itemsIn(bytes)).length, 4);
  });

  it('refuses what is not UTF-8, wherever it is', async () => {
    const rows: readonly (readonly number[])[] = [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xc0, 0x80]];
    for (const bytes of rows) {
      const pieces = ['{"a":["', Buffer.from(bytes), '"]}'];
      await assert.rejects(itemsIn(...pieces), refusal(/^It is not UTF-8$/), String(bytes));
      await assert.rejects(itemsIn('{}', Buffer.from(bytes)), refusal(/^It is not UTF-8$/), String(bytes));
    }
    assert.deepEqual(await itemsIn('{"a":["', Buffer.from([0xc3]), Buffer.from([0xa9]), '"]}'), [
      { key: 'a', value: 'é', isOfList: true },
    ]);
  });

  it('passes on what reading throws', async () => {
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('{');
      throw new TypeError('not what it seems');
    }
    const read = async () => {
      for await (const _item of readItems(failing())) assert.fail('there is none');
    };
    await assert.rejects(read(), { name: 'TypeError', message: 'not what it seems' });
  });

  it('does not quote the text in what it says', async () => {
    await assert.rejects(itemsIn('{"a":["secret" x]}'), (error: Error) => !/secret/.test(error.message));
  });

  it('refuses a value without an end before it is too much to hold', async () => {
    const letters = Buffer.alloc(MEBIBYTE, 'x');
    let mebibytes = 0;
    async function* endless(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('{"a":["');
      for (; mebibytes < 1024; mebibytes++) yield letters;
    }
    const read = async () => {
      for await (const _item of readItems(endless())) assert.fail('there is none');
    };
    await assert.rejects(read(), refusal(/there is no end to one of its values$/));
    assert.ok(mebibytes > 100 && mebibytes < 150, `${mebibytes}`);
  });

  it('judges documents with characters changed as JSON.parse does', async () => {
    const random = seededRandom(7);
    const below = (limit: number) => Math.floor(random() * limit);
    const document =
      '{"format":"jot-export","version":1,"next":{"users":3},"users":[{"id":1,"name":"a\\\\\\"]"},{"id":2}],"posts":[]}';
    const alphabet = [...'{}[],:"\\ \n0e-ax\u00a0\ufeff'];
    let refused = 0;
    for (let count = 0; count < MUTATIONS; count++) {
      const characters = [...document];
      for (let changes = 1 + below(2); changes > 0; changes--) {
        const drawn = alphabet[below(alphabet.length)] ?? '';
        const put = [[], [drawn], [drawn, drawn]][below(3)] ?? [];
        characters.splice(below(characters.length), below(2), ...put);
      }
      const text = characters.join('');
      const expected = objectIn(text);
      if (expected === null) {
        refused++;
        await assert.rejects(itemsIn(text), { name: 'JotError' }, text);
      } else assert.deepEqual(regrouped(await itemsIn(text)), expected, text);
    }
    assert.ok(refused > MUTATIONS / 2 && refused < MUTATIONS, `${refused}`);
  });
});
