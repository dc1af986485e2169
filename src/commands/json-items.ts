// Reads one JSON object of any size piece by piece: a string in Node ends at 512 MiB, an export need not. The members of the
// object are given one by one, and those that are lists item by item. Only the borders between them are looked for here, by
// counting brackets outside of strings; what is between two borders goes to `JSON.parse`, which finds what is wrong.

import { JotError } from '../lib/errors.ts';

export interface Item {
  readonly key: string;
  readonly value: unknown;
  /** It is an item of the list with that key. */
  readonly isOfList: boolean;
}

// Far more than a row, far less than a string can hold.
const TEXT_LENGTH_MAX = 128 * 1024 * 1024;

/**
 * A list gives its items, or, where it has none, itself.
 *
 * @throws JotError `bad_request` for what is not one JSON object in UTF-8.
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

  *take(piece: string): Generator<Item> {
    let start = 0;
    for (let at = this.#next(piece, 0); at !== -1; at = this.#next(piece, at + 1)) {
      const character = piece[at] as string;
      if (!this.#isBorder(character)) continue;
      yield* this.#cut(this.#text + piece.slice(start, at), character);
      this.#text = '';
      start = at + 1;
    }
    this.#text += piece.slice(start);
    if (this.#text.length > TEXT_LENGTH_MAX) throw notJson('there is no end to one of its values');
  }

  finish(): void {
    if (!this.#isOver) throw notJson('it ends too early');
    requireBlank(this.#text);
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
      return this.#depth === 1 || (character === '[' && this.#depth === 2 && this.#list === null);
    }
    if (character === ',') return this.#depth === inner;
    this.#depth--;
    return this.#depth < inner;
  }

  *#cut(text: string, border: string): Generator<Item> {
    if (this.#isOver) throw notJson('something follows the object');
    const closer = this.#list === null ? ']' : '}';
    if (border === closer) throw notJson('a bracket closes another kind of bracket');
    if (border === '{') this.#begin(text);
    else if (!this.#isBegun) throw notJson('it is not an object');
    else if (border === '[') this.#beginList(text);
    else if (this.#list === null) yield* this.#cutMember(text, border);
    else yield* this.#cutItem(this.#list, text, border);
  }

  #begin(text: string): void {
    requireBlank(text);
    this.#isBegun = true;
  }

  #beginList(text: string): void {
    if (this.#isGiven) throw notJson('a comma is missing');
    this.#list = { key: member(`${text}[]`).key, items: 0 };
  }

  *#cutItem(list: { readonly key: string; items: number }, text: string, border: string): Generator<Item> {
    const { key } = list;
    const isEmpty = border === ']' && list.items === 0 && isBlank(text);
    yield isEmpty ? { key, value: [], isOfList: false } : { key, value: parse(text), isOfList: true };
    list.items++;
    if (border === ',') return;
    this.#list = null;
    this.#isGiven = true;
  }

  *#cutMember(text: string, border: string): Generator<Item> {
    const isEmpty = border === '}' && this.#members === 0 && isBlank(text);
    if (this.#isGiven) requireBlank(text);
    else if (!isEmpty) yield member(text);
    this.#members++;
    this.#isGiven = false;
    this.#isOver = border !== ',';
  }
}

function member(text: string): Item {
  const [found] = Object.entries(parse(`{${text}}`) as object);
  if (found === undefined) throw notJson('a member is missing');
  return { key: found[0], value: found[1], isOfList: false };
}

// RFC 8259 §2: no other white space, and so no byte order mark.
function isBlank(text: string): boolean {
  return /^[ \t\n\r]*$/.test(text);
}

function requireBlank(text: string): void {
  if (!isBlank(text)) throw notJson('something stands where nothing should');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The engine's own message quotes the text, and there may be secrets in it.
    throw notJson(`${text.length} characters of it can't be read`);
  }
}

function notJson(reason: string): JotError {
  return new JotError('bad_request', `It is not JSON: ${reason}`);
}
