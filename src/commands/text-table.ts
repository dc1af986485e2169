// Formats rows as a table: columns as wide as their widest cell, and no characters that a terminal
// would interpret.

/** Returns a line per row; the first row is the head. */
export function tableOf(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const [column, { length }] of rows.flatMap((row) => [...row.entries()])) {
    widths[column] = Math.max(length, widths[column] ?? 0);
  }
  const lines = rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '));
  return lines.map((line) => `${line.trimEnd()}\n`).join('');
}

/**
 * Returns the text with escapes for control characters and for invisible characters. Some of them
 * change the direction of the line.
 */
export function shown(text: string): string {
  return text.replace(/[\p{Cc}\p{Default_Ignorable_Code_Point}\p{Zl}\p{Zp}\p{Cs}]/gu, (character) => {
    return `\\u{${character.codePointAt(0)?.toString(16)}}`;
  });
}

/**
 * Returns a time as `2026-11-23T12:35:13Z`; a question mark for null and for times that `Date`
 * cannot represent.
 */
export function timeText(timeMs: number | null): string {
  const time = new Date(timeMs ?? Number.NaN);
  return Number.isNaN(time.getTime()) ? '?' : time.toISOString().replace(/\.\d+Z$/, 'Z');
}
