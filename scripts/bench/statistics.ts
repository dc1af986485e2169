// The arithmetic of a benchmark. A figure is the median of its rounds: one round in which the machine did something else
// moves a mean and leaves a median where it was. Two figures are compared as a ratio, since on another machine both of
// them change and the ratio hardly does.

/** What a ratio should be. */
export interface Mark {
  readonly bound: 'at least' | 'at most';
  readonly ratio: number;
}

/** Something that was measured, once per round. */
export interface Series {
  readonly name: string;
  readonly values: readonly number[];
  /** The same by the program's own processor time in place of the clock; absent where that is not known. */
  readonly cpuValues?: readonly number[];
}

export type Unit = '/s' | 'ms' | 'MiB' | 'bytes' | 'µs';

/** Two things measured in the same scenario; the ratio is measured / reference. */
export interface Comparison {
  readonly scenario: string;
  readonly what: string;
  readonly unit: Unit;
  readonly measured: Series;
  readonly reference: Series;
  /** Null where the ratio is only told. */
  readonly mark: Mark | null;
}

export interface Judged extends Comparison {
  readonly measuredMedian: number;
  readonly referenceMedian: number;
  readonly ratio: number;
  /**
   * The ratio by processor time in place of the clock: on a machine with other work to do it is the steadier one, though
   * caches and compiled code still differ. Null where it is not known.
   */
  readonly cpuRatio: number | null;
  /**
   * The widest range of the two series, as a share of its median: how far the machine can be believed. Null
   * after one round.
   */
  readonly spread: number | null;
  /** Null without a mark. */
  readonly holds: boolean | null;
}

export function judge(comparison: Comparison): Judged {
  const { measured, reference, mark } = comparison;
  const measuredMedian = median(measured.values);
  const referenceMedian = median(reference.values);
  const ratio = measuredMedian / referenceMedian;
  return {
    ...comparison,
    measuredMedian,
    referenceMedian,
    ratio,
    cpuRatio: cpuRatio(measured, reference),
    spread: measured.values.length < 2 ? null : Math.max(spread(measured.values), spread(reference.values)),
    holds: mark === null ? null : isWithin(ratio, mark),
  };
}

/** @throws RangeError for no values at all: there is nothing in the middle of them. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.floor((sorted.length - 1) / 2)];
  if (upper === undefined || lower === undefined) throw new RangeError('The median of no values');
  return (lower + upper) / 2;
}

function cpuRatio({ cpuValues: measured }: Series, { cpuValues: reference }: Series): number | null {
  return measured === undefined || reference === undefined ? null : median(measured) / median(reference);
}

/** From the smallest to the largest, as a share of the median. */
export function spread(values: readonly number[]): number {
  return (Math.max(...values) - Math.min(...values)) / median(values);
}

/** A ratio that is no number (nothing was measured) is never within its mark. */
export function isWithin(ratio: number, { bound, ratio: marked }: Mark): boolean {
  return bound === 'at least' ? ratio >= marked : ratio <= marked;
}

export function atLeast(ratio: number): Mark {
  return { bound: 'at least', ratio };
}

export function atMost(ratio: number): Mark {
  return { bound: 'at most', ratio };
}
