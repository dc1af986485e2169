// The text of a header from its bytes. Node decodes every header as Latin-1, so the `é` of a client
// that writes UTF-8 arrives as `Ã©`, and UTF-8 for U+0160 holds U+0085, a control character. RFC
// 9110 §5.5 names no encoding. Text that is valid UTF-8 is nearly always meant as UTF-8, so it is
// decoded again here, and any other text stays Latin-1.
//
// A terminal may obey a control character, and a bidirectional control or a line separator changes
// how the text around it is displayed. So none of them is returned.

const UNSEEN = /[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]/gu;

/**
 * Returns the text of the first `bytesMax` bytes of a header.
 *
 * @param header As Node decoded it.
 */
export function headerText(header: string, bytesMax: number): string {
  const bytes = Buffer.from(header.slice(0, bytesMax), 'latin1');
  return decode(bytes, header.length > bytesMax).replace(UNSEEN, '');
}

function decode(bytes: Buffer, isCut: boolean): string {
  try {
    // From a stream, a character that was cut in half is omitted, not rejected.
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: isCut });
  } catch {
    return bytes.toString('latin1');
  }
}
