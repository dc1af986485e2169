// Reads one JSON object of any size piece by piece: a string in Node ends at 512 MiB, an export need not. The members of the
// object are given one by one, and those that are lists item by item. Only the borders between them are looked for here, by
// counting brackets outside of strings; what is between two borders goes to `JSON.parse`, which finds out whether it is right.
// Where it is wrong, a parser that is slower says.

import { firstMisfit } from '../http/json-syntax.ts';
import { JotError } from '../lib/errors.ts';

export interface Item {
  readonly key: string;
  readonly value: unknown;
  /** It is an item of the list with that key. */
  readonly isOfList: boolean;
}

// Far more than a row, far less than a string can hold.
const TEXT_LENGTH_MAX = 128 * 1024 * 1024;
// A row is flat. What says where a text is wrong goes down into it, and has a stack that ends.
const DEPTH_MAX = 64;

/**
 * A list gives its items, or, where it has none, itself.
 *
 * @throws JotError `bad_request` for what is not one JSON object in UTF-8, or is nested deeper than any row.
 */
export async function* readItems(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Item> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const items = new Items();
  try {
    for await (const piece of bytes) yield* items.take(decoder.decode(piece, { stream: true }));
    yield* items.take(decoder.decode());
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_ENCODING_INVALID_ENCODED_DATA') throw error;
    throw new JotError('bad_request', 'It is not UTF-8');
  }
  items.finish();
}

// Where a string may end, and where something outside of one may begin or end.
const IN_STRING = /["\\]/g;
const OUTSIDE = /["{}[\],]/g;
// RFC 8259 §2: no other white space, and so no byte order mark.
const NOT_SPACE = /[^ \t\n\r]/;
const HALF_ESCAPE = /^\\(?:u[\dA-Fa-f]{0,3})?$/;

/** Both are counted from 1. */
interface Place {
  readonly line: number;
  readonly character: number;
}

class Items {
  #depth = 0;
  #isInString = false;
  #isEscaped = false;
  /** What has come since the last border. */
  #text = '';
  #members = 0;
  /** The list whose items are coming. */
  #list: { readonly key: string; items: number } | null = null;
  /** The member that is being read was a list, and its items have been given. */
  #isGiven = false;
  #isBegun = false;
  #isOver = false;
  /** Where that text begins. */
  #place: Place = { line: 1, character: 1 };

  *take(piece: string): Generator<Item> {
    let start = 0;
    for (let at = this.#next(piece, 0); at !== -1; at = this.#next(piece, at + 1)) {
      const character = piece[at] as string;
      if (!this.#isBorder(character)) continue;
      const text = this.#text + piece.slice(start, at);
      yield* this.#cut(text, character);
      this.#place = placeBehind(this.#place, text, text.length + 1);
      this.#text = '';
      start = at + 1;
    }
    this.#text += piece.slice(start);
    if (this.#text.length > TEXT_LENGTH_MAX) throw notJson('there is no end to one of its values');
  }

  finish(): void {
    if (!this.#isOver || !isBlank(this.#text)) throw this.#misfit(this.#text, '');
  }

  /** The next place that may be a border; -1 at the end. */
  #next(piece: string, start: number): number {
    for (let index = start; ; ) {
      if (index >= piece.length) return -1;
      if (this.#isEscaped) index++;
      this.#isEscaped = false;
      const pattern = this.#isInString ? IN_STRING : OUTSIDE;
      pattern.lastIndex = index;
      const at = pattern.exec(piece)?.index ?? -1;
      if (at === -1) return -1;
      const character = piece[at];
      if (!this.#isInString && character !== '"') return at;
      this.#isEscaped = character === '\\';
      if (character === '"') this.#isInString = !this.#isInString;
      index = at + 1;
    }
  }

  #isBorder(character: string): boolean {
    const inner = this.#list === null ? 1 : 2;
    if (character === '{' || character === '[') {
      this.#depth++;
      if (this.#depth > DEPTH_MAX) throw tooDeep();
      return this.#depth === 1 || (character === '[' && this.#depth === 2 && this.#list === null);
    }
    if (character === ',') return this.#depth === inner;
    this.#depth--;
    return this.#depth < inner;
  }

  *#cut(text: string, border: string): Generator<Item> {
    if (border === '{' && !this.#isBegun && isBlank(text)) this.#isBegun = true;
    else if (!this.#isBegun || this.#isOver) throw this.#misfit(text, border);
    else if (border === '[') this.#beginList(text);
    else if (border === (this.#list === null ? ']' : '}')) throw this.#misfit(text, border);
    else if (this.#list === null) yield* this.#cutMember(text, border);
    else yield* this.#cutItem(this.#list, text, border);
  }

  #beginList(text: string): void {
    const found = this.#isGiven ? null : member(`${text}[]`);
    if (found === null) throw this.#misfit(text, '[');
    this.#list = { key: found.key, items: 0 };
  }

  *#cutItem(list: { readonly key: string; items: number }, text: string, border: string): Generator<Item> {
    const { key } = list;
    const isEmpty = border === ']' && list.items === 0 && isBlank(text);
    const value = isEmpty ? [] : parse(text);
    if (value === undefined) throw this.#misfit(text, border);
    yield { key, value, isOfList: !isEmpty };
    list.items++;
    if (border === ',') return;
    this.#list = null;
    this.#isGiven = true;
  }

  *#cutMember(text: string, border: string): Generator<Item> {
    const isNone = this.#isGiven || (border === '}' && this.#members === 0);
    if (!isNone || !isBlank(text)) {
      const found = this.#isGiven ? null : member(text);
      if (found === null) throw this.#misfit(text, border);
      yield found;
    }
    this.#members++;
    this.#isGiven = false;
    this.#isOver = border !== ',';
  }

  /** Says where the text stops being right, or the border behind it. */
  #misfit(text: string, border: string): JotError {
    const before = this.#textBefore();
    const rest = text + border;
    const at = before === null ? rest.search(NOT_SPACE) : firstMisfit(before + rest) - before.length;
    // An escape may be cut in two as well.
    const isEarly = at === -1 || at === rest.length || (border === '' && HALF_ESCAPE.test(rest.slice(at)));
    const { line, character } = placeBehind(this.#place, rest, isEarly ? rest.length : at);
    const what = isEarly ? 'it ends too early' : 'unexpected input';
    return notJson(`${what} at line ${line}, character ${character}`);
  }

  /** What a parser has to have read to expect what is expected here; null where that is nothing but a border. */
  #textBefore(): string | null {
    if (!this.#isBegun || this.#isOver || this.#isGiven) return null;
    if (this.#list === null) return this.#members === 0 ? '{' : '{"":0,';
    return this.#list.items === 0 ? '[' : '[0,';
  }
}

function member(text: string): Item | null {
  const [found] = Object.entries(parse(`{${text}}`) ?? {});
  return found === undefined ? null : { key: found[0], value: found[1], isOfList: false };
}

/** The place so many characters further on. */
function placeBehind({ line, character }: Place, text: string, length: number): Place {
  let lines = 0;
  let start = 0;
  for (let at = text.indexOf('\n'); at !== -1 && at < length; at = text.indexOf('\n', start)) {
    lines++;
    start = at + 1;
  }
  return { line: line + lines, character: (lines === 0 ? character : 1) + length - start };
}

function isBlank(text: string): boolean {
  return !NOT_SPACE.test(text);
}

/** @returns undefined for what is not JSON. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The engine's own message quotes the text, and there may be secrets in it.
    return undefined;
  }
}

function tooDeep(): JotError {
  return new JotError('bad_request', `It is nested more than ${DEPTH_MAX} levels deep`);
}

function notJson(reason: string): JotError {
  return new JotError('bad_request', `It is not JSON: ${reason}`);
}
