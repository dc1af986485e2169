// Which known name somebody may have meant. The distance of two names is how many characters have to be put in, taken out or
// replaced, or changed places with their neighbours, to make one the other (Damerau and Levenshtein, in the variant that changes
// no place twice).
//
// It would rather say nothing than guess: short names are near to many, so they have to be nearer, and very short ones, `PORT`,
// are never what was meant. That a name is a known one without its last word, `JWT_SECRET`, is a guess worth making too.

const LONG_NAME_LENGTH = 12;
const SHORT_NAME_LENGTH = 8;
const DISTANCE_MAX = 2;

/** @returns null where the name is known, or like none. Case does not count for how like they are. */
export function nearestName(name: string, known: readonly string[]): string | null {
  if (known.includes(name)) return null;
  const wanted = name.toUpperCase();
  const near = known
    .map((each) => ({ each, distance: distanceBetween(wanted, each) }))
    .filter(({ each, distance }) => distance <= distanceMax(each))
    .sort((one, other) => one.distance - other.distance);
  return near[0]?.each ?? known.find((each) => isShortened(wanted, each)) ?? null;
}

function distanceMax({ length }: string): number {
  if (length < SHORT_NAME_LENGTH) return -1;
  return length < LONG_NAME_LENGTH ? 1 : DISTANCE_MAX;
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
