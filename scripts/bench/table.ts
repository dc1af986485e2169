// Markdown tables, padded so that they can be read in a terminal too.

import { type Comparison, median, type Unit } from './statistics.ts';

/** Columns after the first `left` ones are aligned to the right. */
export function markdownTable(rows: readonly (readonly string[])[], left: number): string {
  const [heading = [], ...body] = rows;
  const widths = heading.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const pad = (cell: string, column: number, fill = ' ') =>
    column < left ? cell.padEnd(widths[column] ?? 0, fill) : cell.padStart(widths[column] ?? 0, fill);
  const rule = heading.map((_, column) => pad(column < left ? '-' : ':', column, '-'));
  return [heading, rule, ...body]
    .map((cells) => `| ${cells.map((cell, column) => pad(cell, column)).join(' | ')} |\n`)
    .join('');
}

/** Omits the marks if `isJudged` is false: a short run cannot show whether they hold. */
export function comparisonTable(comparisons: readonly Comparison[], isJudged: boolean): string {
  const heading = ['scenario', 'measured', 'against', 'figure', 'other figure', 'ratio', 'by CPU time'];
  const rows = comparisons.map((each) => [
    each.what,
    each.measured,
    each.reference,
    amount(median(each.measuredValues), each.unit),
    amount(median(each.referenceValues), each.unit),
    each.ratio.toFixed(2),
    Number.isFinite(each.cpuRatio) ? each.cpuRatio.toFixed(2) : '',
    ...(isJudged ? [each.mark ?? '', each.holds] : []),
    Number.isFinite(each.spread) ? `${Math.round(each.spread * 100)} %` : '',
  ]);
  const marks = isJudged ? ['wanted', 'holds'] : [];
  return markdownTable([[...heading, ...marks, 'spread'], ...rows], 3);
}

/** Three significant digits, the precision of the benchmark. */
export function amount(value: number, unit: Unit): string {
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value) || 1)));
  const text = value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return `${text}${unit === '/s' ? '' : ' '}${unit}`;
}
