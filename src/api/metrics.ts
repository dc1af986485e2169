// Counts for Prometheus, in its text format (version 0.0.4). Labels are routes, not paths: a label with an id in it would
// be a new time series for every user.

import type { Metric } from '../lib/metric.ts';

const SECONDS_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;

/** What a request got: a status, or nothing, since its connection ended before. */
type Outcome = number | 'aborted';

interface Series {
  readonly labels: string;
  readonly statuses: Map<Outcome, number>;
  /** For each bucket, how many took longer than the one before it allows; the last one has no end. */
  readonly counts: number[];
  sumSeconds: number;
}

export class Metrics {
  /** By route and method. Formatted when `/metrics` is requested, not on every request. */
  readonly #series = new Map<string, Map<string, Series>>();
  readonly #others: Metric[] = [];

  /** @param route The pattern of the endpoint. */
  observe(method: string, route: string, status: Outcome, seconds: number): void {
    const series = this.#seriesOf(method, route);
    const { statuses, counts } = series;
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    series.sumSeconds += seconds;
    let bucket = 0;
    while (seconds > (SECONDS_BUCKETS[bucket] ?? Number.POSITIVE_INFINITY)) bucket++;
    counts[bucket] = (counts[bucket] ?? 0) + 1;
  }

  #seriesOf(method: string, route: string): Series {
    const known = this.#series.get(route)?.get(method);
    if (known !== undefined) return known;
    const labels = `method="${method}",route="${route}"`;
    const counts = [...SECONDS_BUCKETS, 0].map(() => 0);
    const series = { labels, statuses: new Map(), counts, sumSeconds: 0 };
    const byMethod = this.#series.get(route) ?? new Map<string, Series>();
    this.#series.set(route, byMethod.set(method, series));
    return series;
  }

  add(metrics: readonly Metric[]): void {
    this.#others.push(...metrics);
  }

  async render(): Promise<string> {
    const all = [...this.#series.values()].flatMap((byMethod) => [...byMethod.values()]);
    const requests = all.flatMap(({ labels, statuses }) =>
      [...statuses].map(
        ([status, count]) => `jot_http_requests_total{${labels},status="${status}"} ${count}`,
      ),
    );
    const durations = all.flatMap(renderSeries);
    const others = await Promise.all(
      this.#others.map(async ({ name, help, read }) => {
        const type = name.endsWith('_total') ? 'counter' : 'gauge';
        return family(name, type, help, renderValue(name, await read()));
      }),
    );
    return [
      ...family('jot_http_requests_total', 'counter', 'Requests, by the status of their response.', requests),
      ...family('jot_http_request_duration_seconds', 'histogram', 'Time to the response.', durations),
      ...others.flat(),
      '',
    ].join('\n');
  }
}

function renderValue(name: string, value: number | Readonly<Record<string, number>>): string[] {
  if (typeof value === 'number') return [`${name} ${value}`];
  return Object.entries(value).map(([label, each]) => `${name}{${label}} ${each}`);
}

// A bucket of Prometheus counts everything up to its bound, so each holds the ones below it as well.
function renderSeries({ labels, counts, sumSeconds }: Series): string[] {
  const name = 'jot_http_request_duration_seconds';
  let total = 0;
  const buckets = counts.map((count, index) => {
    total += count;
    return `${name}_bucket{${labels},le="${SECONDS_BUCKETS[index] ?? '+Inf'}"} ${total}`;
  });
  return [...buckets, `${name}_sum{${labels}} ${sumSeconds}`, `${name}_count{${labels}} ${total}`];
}

function family(name: string, type: string, help: string, lines: readonly string[]): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines];
}
