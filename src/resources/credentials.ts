// The rules for usernames and passwords. Both are normalized to Unicode's NFC, so that a name typed
// on a Mac, where an `é` may be two code points, equals the same name typed elsewhere.

import { text } from '../schema/schema.ts';

const USERNAME_LENGTH_MAX = 64;
// Far longer than a passphrase, and far shorter than a text that is expensive to hash.
const PASSWORD_BYTES_MAX = 1024;

// Bounds on the raw text, checked before it is normalized, since normalizing can take time
// quadratic in the length. A text that normalizes to a valid name or password is never longer: NFC
// composes a code point from at most four, each of two UTF-16 units at most, and its UTF-8 takes at
// least half a byte for each of these units.
const USERNAME_UNITS_MAX = 8 * USERNAME_LENGTH_MAX;
const PASSWORD_UNITS_MAX = 2 * PASSWORD_BYTES_MAX;
const PASSWORD_TOO_LONG = `must be at most ${PASSWORD_BYTES_MAX} bytes long`;

// U+2800 is a Braille pattern without dots.
const VISIBLE = /[^\p{Default_Ignorable_Code_Point}\s\u2800]/u;
// As a range, since few engines other than JavaScript's know `\p{Bidi_Control}`.
const BARRED = '\\p{Cc}\\u061c\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069';

const usernameLength = { min: 1, max: USERNAME_LENGTH_MAX, normalize: 'NFC' } as const;

export const username = text({
  ...usernameLength,
  description: 'Unique without regard to case, compatibility forms and invisible characters.',
  example: 'matt',
  refine(value) {
    // Such a character reorders the text around the name wherever it is displayed (UAX #9).
    if (/\p{Bidi_Control}/u.test(value)) return 'must not contain bidirectional controls';
    return problemOfKept(value) ?? (VISIBLE.test(value) ? null : 'must not consist of invisible characters');
  },
  refinedSchema: { pattern: `^[^${BARRED}\\s](?:[^${BARRED}]*[^${BARRED}\\s])?$` },
});

/** A username by the rules of earlier versions, whose users keep theirs. */
export const usernameKept = text({ ...usernameLength, refine: problemOfKept });

/** A username as a client typed it, in any spelling. */
export const usernameGiven = text({
  normalize: 'NFC',
  example: 'matt',
  refuseRaw: ({ length }) => (length > USERNAME_UNITS_MAX ? 'is longer than any username' : null),
});

function problemOfKept(value: string): string | null {
  if (/\p{Cc}/u.test(value)) return 'must not contain control characters';
  return value === value.trim() ? null : 'must not start or end with white space';
}

/** @param lengthMin Minimum length in characters. */
export function password(lengthMin: number) {
  return text({
    min: lengthMin,
    normalize: 'NFC',
    format: 'password',
    description: `At most ${PASSWORD_BYTES_MAX} bytes of UTF-8.`,
    example: 'correct horse battery staple',
    refuseRaw: ({ length }) => (length > PASSWORD_UNITS_MAX ? PASSWORD_TOO_LONG : null),
    refine(value) {
      if (Buffer.byteLength(value) > PASSWORD_BYTES_MAX) return PASSWORD_TOO_LONG;
      // scrypt's HMAC pads keys with zeros (RFC 2104 §2), so `foo` and `foo\0` would be the same
      // password.
      return value.includes('\0') ? 'must not contain U+0000' : null;
    },
    refinedSchema: { maxLength: PASSWORD_BYTES_MAX, pattern: '^[^\\u0000]*$' },
  });
}
