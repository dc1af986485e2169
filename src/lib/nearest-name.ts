// Which known name somebody may have meant. The distance of two names is how many characters have to be put in, taken out or
// replaced, or changed places with their neighbours, to make one the other (Damerau and Levenshtein, in the variant that changes
// no place twice).
//
// It would rather say nothing than guess: short names are near to many, so they have to be nearer, and very short ones, `PORT`,
// are never what was meant. Of a short word, one character may be wrong: `DATABASE_SSL` has another word where `DATABASE_URL` has
// its own. Names that differ in underscores and plurals only, `TRUST_PROXIES`, are the same, and that a name is a known one without
// its last word, `JWT_SECRET`, is a guess worth making too.

const NAME_LENGTH_MAX = 64;
const LONG_NAME_LENGTH = 12;
const SHORT_NAME_LENGTH = 8;
const SHORT_WORD_LENGTH = 4;
const DISTANCE_MAX = 2;

/** @returns null where the name is known, or like none. Case does not count for how like they are. */
export function nearestName(name: string, known: readonly string[]): string | null {
  if (known.includes(name) || name.length > NAME_LENGTH_MAX) return null;
  const near = nearest(name.toUpperCase(), known, DISTANCE_MAX);
  return near ?? known.find((each) => isShortened(name.toUpperCase(), each)) ?? null;
}

/** The same with less to guess: a known name that this is a slip of, one character or how its words are written. */
export function slipOf(name: string, known: readonly string[]): string | null {
  if (known.includes(name) || name.length > NAME_LENGTH_MAX) return null;
  // `DATABASE_URL2` is the second of several.
  const isNumbered = /\d$/.test(name);
  return isNumbered ? null : nearest(name.toUpperCase(), known, 1);
}

/** A known name that this is one slip of. For where few are known and all are typed on purpose, so that short ones count too. */
export function nearestWord(word: string, known: readonly string[]): string | null {
  if (word.length > NAME_LENGTH_MAX) return null;
  return known.find((each) => distanceBetween(word, each) === 1) ?? null;
}

function nearest(wanted: string, known: readonly string[], distanceMax: number): string | null {
  const spelt = spelling(wanted);
  const near = known
    // Hardly anybody gets the first character wrong, and a start compares every name in the environment.
    .filter((each) => each.length >= SHORT_NAME_LENGTH && each[0] === wanted[0])
    .map((each) => ({ each, distance: spelt === spelling(each) ? 0 : distanceOf(wanted, each) }))
    .filter(
      ({ each, distance }) =>
        distance <= Math.min(distanceMax, each.length < LONG_NAME_LENGTH ? 1 : DISTANCE_MAX),
    )
    .sort((one, other) => one.distance - other.distance);
  return near[0]?.each ?? null;
}

// A name as it is said: without what stands between its words, each of them in the singular.
function spelling(name: string): string {
  const words = name.split(/[_-]/);
  return words.map((word) => word.replace(/IES$/, 'Y').replace(/S$/, '')).join('');
}

function distanceOf(name: string, known: string): number {
  const [words, knownWords] = [name.split('_'), known.split('_')];
  const isOtherWord = (word: string, index: number) =>
    word.length <= SHORT_WORD_LENGTH && distanceBetween(words[index] ?? '', word) > 1;
  if (words.length === knownWords.length && knownWords.some(isOtherWord)) return Number.POSITIVE_INFINITY;
  return distanceBetween(name, known);
}

// One word alone is anybody's.
function isShortened(name: string, known: string): boolean {
  return name.includes('_') && name === known.slice(0, known.lastIndexOf('_'));
}

// Row by row of the table of all beginnings. Names whose lengths differ by more are not worth one.
function distanceBetween(one: string, other: string): number {
  if (Math.abs(one.length - other.length) > DISTANCE_MAX) return Number.POSITIVE_INFINITY;
  let before: number[] = [];
  let row = Array.from({ length: other.length + 1 }, (_, column) => column);
  for (let line = 1; line <= one.length; line++) {
    const next = [line];
    for (let column = 1; column <= other.length; column++) {
      const isSame = one[line - 1] === other[column - 1];
      const replaced = at(row, column - 1) + (isSame ? 0 : 1);
      const isSwapped =
        line > 1 && one[line - 1] === other[column - 2] && one[line - 2] === other[column - 1];
      const swapped = isSwapped ? at(before, column - 2) + 1 : Number.POSITIVE_INFINITY;
      next.push(Math.min(at(row, column) + 1, at(next, column - 1) + 1, replaced, swapped));
    }
    [before, row] = [row, next];
  }
  return at(row, other.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY;
}
