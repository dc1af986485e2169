// The arithmetic of the benchmark. A figure is the median of its rounds, since one disturbed round
// shifts a mean, but hardly a median. Two figures are compared as a ratio, since figures vary from
// machine to machine, and their ratio hardly does.

/** The figures of one measurement. */
export type Sample = Readonly<Record<string, number>>;

/** The bound that a ratio should keep. */
export type Mark = `${'≥' | '≤'} ${number}`;

export type Unit = '/s' | 'ms' | 'MiB' | 'bytes' | 'µs';

/** A line of the table, as a scenario declares it. */
export interface Row {
  readonly what: string;
  readonly unit: Unit;
  /** The name of the compared figure in each sample. */
  readonly figure: string;
  /**
   * Name of the same figure in processor time, which other programs on the machine disturb less.
   */
  readonly cpuFigure?: string;
  /** Names of two subjects. */
  readonly measured: string;
  readonly reference: string;
  readonly mark?: Mark | undefined;
}

export const RATE = { unit: '/s', figure: 'perSecond', cpuFigure: 'perCpuSecond' } as const;
export const TIME = { unit: 'ms', figure: 'ms', cpuFigure: 'cpuMs' } as const;

export type Comparison = ReturnType<typeof compare>;

/**
 * Compares two subjects. `samples` holds one sample per round for each subject. An unknown
 * `cpuRatio` is `NaN`.
 */
export function compare(samples: ReadonlyMap<string, readonly Sample[]>, row: Row) {
  const { measured, reference, figure, cpuFigure = '', mark } = row;
  const values = (subject: string, name: string) =>
    (samples.get(subject) ?? []).map((sample) => sample[name] ?? Number.NaN);
  const measuredValues = values(measured, figure);
  const referenceValues = values(reference, figure);
  const ratio = median(measuredValues) / median(referenceValues);
  return {
    ...row,
    measuredValues,
    referenceValues,
    ratio,
    cpuRatio: median(values(measured, cpuFigure)) / median(values(reference, cpuFigure)),
    spread: Math.max(spread(measuredValues), spread(referenceValues)),
    holds: verdict(ratio, mark),
  };
}

/** @throws RangeError without values. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.floor((sorted.length - 1) / 2)];
  if (upper === undefined || lower === undefined) throw new RangeError('Cannot find a median: no values');
  return (lower + upper) / 2;
}

// The range as a share of the median; `NaN` for a single value.
function spread(values: readonly number[]): number {
  if (values.length === 1) return Number.NaN;
  return (Math.max(...values) - Math.min(...values)) / median(values);
}

function verdict(ratio: number, mark?: Mark): 'yes' | 'no' | '' {
  if (mark === undefined) return '';
  const [bound, limit] = mark.split(' ');
  const isWithin = bound === '≥' ? ratio >= Number(limit) : ratio <= Number(limit);
  return isWithin ? 'yes' : 'no';
}
