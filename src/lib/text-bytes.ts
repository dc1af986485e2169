// The memory of a text. A bound on its length, or on its length in UTF-8, is off by a factor of
// two: V8 stores a text with one byte per character as long as none is above U+00FF, and with two
// otherwise. A single `Ā` doubles a megabyte.
//
// The memory of a slice is that of the whole text, since V8 stores a slice as a reference.

const HEADER_BYTES = 16;
// Without the flag `u`, V8 skips the search of a text of single bytes: 2 µs for a megabyte.
const WIDE = /[^\x00-\xff]/;

/** Returns the number of bytes that a text takes in V8's heap. */
export function textBytes(text: string): number {
  return HEADER_BYTES + (WIDE.test(text) ? 2 : 1) * text.length;
}

/**
 * Returns a copy of a text from the head of a request, which Node decodes as Latin-1. If a slice of
 * a header is stored without a copy, the whole header stays in memory.
 */
export function copyOf(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}
