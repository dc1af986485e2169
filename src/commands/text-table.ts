// Rows as text for a person: columns as wide as their widest cell, and nothing that a terminal would obey.

/** A line for each row, the first of which is the head. */
export function tableOf(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    rows.reduce((width, row) => Math.max(width, row[column]?.length ?? 0), 0),
  );
  const lines = rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '));
  return lines.map((line) => `${line.trimEnd()}\n`).join('');
}

/** Text from elsewhere, with escapes for control characters and for characters that change the direction of the line. */
export function shown(text: string): string {
  return text.replace(/[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}\p{Cs}]/gu, (character) => {
    return `\\u{${character.codePointAt(0)?.toString(16)}}`;
  });
}

/** `2026-11-23T12:35:13Z`; a question mark for null and for times that no date can have. */
export function timeText(timeMs: number | null): string {
  const time = new Date(timeMs ?? Number.NaN);
  return Number.isNaN(time.getTime()) ? '?' : time.toISOString().replace(/\.\d+Z$/, 'Z');
}
