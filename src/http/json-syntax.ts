// Where a text stops being JSON. The engine parses it much faster, but tells the place only sometimes, in words that differ
// from version to version; so this small parser by recursive descent goes over a text that was refused, and builds nothing.

const SPACE = /[\t\n\r ]*/y;
// The highest code among these.
const SPACE_CODE = 0x20;
// One run of either kind at a time: a pattern for the whole string would try its parts in every combination when the end is missing.
const IN_STRING = /[^"\\\x00-\x1f]+|(?:\\(?:["\\/bfnrt]|u[\dA-Fa-f]{4})){1,64}/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[Ee][+-]?\d+)?/y;
const WORD = /true|false|null/y;

/** Reads one item from `start` on; gives the place behind it. */
type Skip = (text: string, start: number) => number;

class Misfit extends Error {
  readonly at: number;

  constructor(at: number) {
    super();
    this.at = at;
  }
}

/**
 * The index of the first character, or of the number, that can't stand where it stands (RFC 8259 §2); the text's
 * length if something is missing at the end, or nothing is wrong.
 *
 * @param text Nested no deeper than the stack allows.
 */
export function firstMisfit(text: string): number {
  try {
    return space(text, value(text, 0));
  } catch (error) {
    if (error instanceof Misfit) return error.at;
    throw error;
  }
}

function value(text: string, start: number): number {
  const at = space(text, start);
  if (text[at] === '{') return list(text, at, '}', member);
  if (text[at] === '[') return list(text, at, ']', value);
  return string(text, at) ?? skip(NUMBER, text, at) ?? skip(WORD, text, at) ?? misfit(at);
}

function list(text: string, open: number, closer: string, item: Skip): number {
  let at = space(text, open + 1);
  if (text[at] === closer) return at + 1;
  for (;;) {
    at = space(text, item(text, at));
    if (text[at] === closer) return at + 1;
    if (text[at] !== ',') misfit(at);
    at++;
  }
}

function member(text: string, start: number): number {
  const at = space(text, start);
  const colon = space(text, string(text, at) ?? misfit(at));
  return text[colon] === ':' ? value(text, colon + 1) : misfit(colon);
}

function string(text: string, start: number): number | null {
  if (text[start] !== '"') return null;
  let at = start + 1;
  for (let next = skip(IN_STRING, text, at); next !== null; next = skip(IN_STRING, text, at)) at = next;
  return text[at] === '"' ? at + 1 : misfit(at);
}

function space(text: string, start: number): number {
  // Mostly there is none, which a pattern takes its time to find out.
  if (text.charCodeAt(start) > SPACE_CODE) return start;
  return skip(SPACE, text, start) ?? start;
}

function skip(pattern: RegExp, text: string, start: number): number | null {
  pattern.lastIndex = start;
  return pattern.test(text) ? pattern.lastIndex : null;
}

function misfit(at: number): never {
  throw new Misfit(at);
}
