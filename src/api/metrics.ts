// Counts for Prometheus, in its text format (version 0.0.4). Labels are routes, not paths: a label with an id in it would
// be a new time series for every user.

const SECONDS_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;

/** Something that is read when it is asked for. */
export interface Gauge {
  readonly name: string;
  readonly help: string;
  readonly read: () => number | Promise<number>;
}

interface Series {
  readonly labels: string;
  /** For each bucket, how many took at most that long. */
  readonly counts: number[];
  count: number;
  sumSeconds: number;
}

export class Metrics {
  readonly #requests = new Map<string, number>();
  readonly #durations = new Map<string, Series>();
  readonly #gauges: Gauge[] = [];

  /** @param route The pattern of the endpoint. */
  observe(method: string, route: string, status: number, seconds: number): void {
    const labels = `method="${method}",route="${route}"`;
    const request = `${labels},status="${status}"`;
    this.#requests.set(request, (this.#requests.get(request) ?? 0) + 1);
    const series = this.#durations.get(labels) ?? emptySeries(labels);
    this.#durations.set(labels, series);
    series.count++;
    series.sumSeconds += seconds;
    SECONDS_BUCKETS.forEach((bound, index) => {
      if (seconds <= bound) series.counts[index] = (series.counts[index] ?? 0) + 1;
    });
  }

  addGauges(gauges: readonly Gauge[]): void {
    this.#gauges.push(...gauges);
  }

  async render(): Promise<string> {
    const requests = [...this.#requests].map(
      ([labels, count]) => `jot_http_requests_total{${labels}} ${count}`,
    );
    const durations = [...this.#durations.values()].flatMap(renderSeries);
    const gauges = await Promise.all(
      this.#gauges.map(async ({ name, help, read }) =>
        family(name, 'gauge', help, [`${name} ${await read()}`]),
      ),
    );
    return [
      ...family('jot_http_requests_total', 'counter', 'Requests answered.', requests),
      ...family('jot_http_request_duration_seconds', 'histogram', 'Time to the answer.', durations),
      ...gauges.flat(),
      '',
    ].join('\n');
  }
}

function emptySeries(labels: string): Series {
  return { labels, counts: SECONDS_BUCKETS.map(() => 0), count: 0, sumSeconds: 0 };
}

function renderSeries({ labels, counts, count, sumSeconds }: Series): string[] {
  const name = 'jot_http_request_duration_seconds';
  return [
    ...SECONDS_BUCKETS.map((bound, index) => `${name}_bucket{${labels},le="${bound}"} ${counts[index]}`),
    `${name}_bucket{${labels},le="+Inf"} ${count}`,
    `${name}_sum{${labels}} ${sumSeconds}`,
    `${name}_count{${labels}} ${count}`,
  ];
}

function family(name: string, type: string, help: string, lines: readonly string[]): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines];
}
