// Finds the known name that a misspelt one stands for. The obvious solution is an edit distance. It
// needs a table and a threshold, and with two edits `DATABASE_SSL` already resembles
// `DATABASE_URL`. Most typos are a single slip: a character added, dropped or replaced, or two
// neighbours exchanged. A slip needs no table: without their common start and end, almost nothing
// is left of the two names.

/** Returns the first known name that equals `name` or is one slip away from it. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  return known.find((each) => isOneSlip(name, each));
}

function isOneSlip(one: string, other: string): boolean {
  const shorter = Math.min(one.length, other.length);
  let start = 0;
  while (start < shorter && one[start] === other[start]) start++;
  let end = 0;
  while (end < shorter - start && one.at(-1 - end) === other.at(-1 - end)) end++;
  const [left, right] = [one.slice(start, one.length - end), other.slice(start, other.length - end)];
  const isExchange = left.length === 2 && left === right.split('').reverse().join('');
  return isExchange || (left.length <= 1 && right.length <= 1);
}
