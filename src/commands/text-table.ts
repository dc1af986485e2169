// Rows for a person to read: columns as wide as what is in them.

/** Lines with a head, each ended by a newline. */
export function* tableOf(head: readonly string[], rows: readonly (readonly string[])[]): Generator<string> {
  const widths = head.map((_, column) =>
    [head, ...rows].reduce((width, row) => Math.max(width, lengthOf(row[column])), 0),
  );
  for (const row of [head, ...rows]) {
    const cells = row.map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - lengthOf(cell)));
    yield `${cells.join('  ').trimEnd()}\n`;
  }
}

/** Text that others wrote, without what a terminal would obey, or what would turn the line around. */
export function shown(text: string): string {
  return text.replace(/[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}\p{Cs}]/gu, (character) => {
    return `\\u{${character.codePointAt(0)?.toString(16)}}`;
  });
}

/** `2026-11-23T12:35:13Z`; a question mark where nobody knows, or no calendar has such a day. */
export function timeText(timeMs: number | null): string {
  const time = new Date(timeMs ?? Number.NaN);
  return Number.isNaN(time.getTime()) ? '?' : time.toISOString().replace(/\.\d+Z$/, 'Z');
}

function lengthOf(text = ''): number {
  return [...text].length;
}
