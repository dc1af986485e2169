// Tables in Markdown, aligned so that they can be read where they are printed.

import type { Judged, Mark, Unit } from './statistics.ts';

// Less than that is noise for the most part.
const ROUNDS_TELLING = 3;
const SECONDS_TELLING = 5;

/** @param rows Cells; the first row is the heading. Columns after the first `left` ones are aligned to the right. */
export function markdownTable(rows: readonly (readonly string[])[], left: number): string {
  const [heading = [], ...body] = rows;
  const widths = heading.map((_, column) => Math.max(3, ...rows.map((row) => width(row[column] ?? ''))));
  const isLeft = (column: number) => column < left;
  const line = (cells: readonly string[]) =>
    `| ${widths.map((length, column) => pad(cells[column] ?? '', length, isLeft(column))).join(' | ')} |\n`;
  const rule = widths.map((length, column) =>
    isLeft(column) ? '-'.repeat(length) : `${'-'.repeat(length - 1)}:`,
  );
  return [heading, rule, ...body].map(line).join('');
}

/** How long was measured. */
interface Length {
  readonly rounds: number;
  readonly seconds: number;
}

/** What is wanted, and whether it holds, is left out where too little was measured to tell. */
export function comparisonTable(comparisons: readonly Judged[], length: Length): string {
  const isJudged = isTelling(length);
  const heading = [
    'scenario',
    'measured',
    'against',
    'figure',
    'other figure',
    'ratio',
    'by CPU time',
    ...(isJudged ? ['wanted', 'holds'] : []),
    'spread',
  ];
  const rows = comparisons.map((each) => [
    each.what,
    each.measured.name,
    each.reference.name,
    amount(each.measuredMedian, each.unit),
    amount(each.referenceMedian, each.unit),
    each.ratio.toFixed(2),
    each.cpuRatio?.toFixed(2) ?? '',
    ...(isJudged ? [markText(each.mark), holdsText(each.holds)] : []),
    each.spread === null ? '' : `${Math.round(each.spread * 100)} %`,
  ]);
  return markdownTable([heading, ...rows], 3);
}

/** What the columns mean, and what the figures are worth. */
export function legend({ rounds, seconds }: Length): string {
  const ratio =
    'ratio: the figure of what is measured to that of what it is held against (of /s more is better, of all else less); ';
  const spread = 'spread: how far apart the rounds were.';
  if (isTelling({ rounds, seconds }))
    return `${ratio}wanted: what it should be, holds: whether it is; ${spread}\n`;
  const length = `${rounds} ${rounds === 1 ? 'round' : 'rounds'} of ${seconds} s`;
  return `${ratio}${spread} ${length} is too short to tell what holds; a run without --quick does.\n`;
}

/** Three significant digits are more than a benchmark knows. */
export function amount(value: number, unit: Unit): string {
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value) || 1)));
  const text = value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return `${text}${unit === '/s' ? '' : ' '}${unit}`;
}

function isTelling({ rounds, seconds }: Length): boolean {
  return rounds >= ROUNDS_TELLING && seconds >= SECONDS_TELLING;
}

function markText(mark: Mark | null): string {
  if (mark === null) return '';
  return `${mark.bound === 'at least' ? '≥' : '≤'} ${mark.ratio.toFixed(2)}`;
}

function holdsText(holds: boolean | null): string {
  if (holds === null) return '';
  return holds ? 'yes' : 'no';
}

function pad(text: string, length: number, isLeft: boolean): string {
  const space = ' '.repeat(length - width(text));
  return isLeft ? text + space : space + text;
}

function width(text: string): number {
  return [...text].length;
}
