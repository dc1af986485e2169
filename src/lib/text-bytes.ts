// The memory of a text. Its length does not tell, and neither does its length in UTF-8: V8 stores a
// text with one byte per character as long as none is above U+00FF, and with two otherwise. A
// single `Ā` doubles a megabyte.

const HEADER_BYTES = 16;
// Without the flag `u`, V8 does not search a text of single bytes at all: 2 µs for a megabyte.
const WIDE = /[^\x00-\xff]/;

/** Returns the number of bytes that a text takes in V8's heap. */
export function textBytes(text: string): number {
  return HEADER_BYTES + (WIDE.test(text) ? 2 : 1) * text.length;
}

/**
 * Returns a copy of a text from the head of a request, which Node decodes as Latin-1. V8 stores a
 * slice as a reference, so a short text that is kept would keep the whole header with it.
 */
export function copyOf(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}
