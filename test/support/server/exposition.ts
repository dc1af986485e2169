// A strict parser of the text format of Prometheus (version 0.0.4) that also holds names to its
// conventions: https://prometheus.io/docs/instrumenting/exposition_formats/ and
// https://prometheus.io/docs/practices/naming/. Prometheus itself accepts more, and guesses.

import assert from 'node:assert/strict';

export interface Sample {
  readonly name: string;
  readonly labels: string;
  readonly value: number;
}

export interface Family {
  readonly name: string;
  readonly type: string;
  readonly samples: readonly Sample[];
}

const HEAD = /^# HELP ([a-zA-Z_:][\w:]*) ([^\n]*)\n# TYPE \1 (counter|gauge|histogram)\n/;
const SAMPLE =
  /^([a-zA-Z_:][\w:]*)(?:\{((?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*"(?:,(?=[a-zA-Z_])|(?=\})))+)\})? (-?\d+(?:\.\d+)?(?:e[+-]?\d+)?|[+-]Inf|NaN)\n/;
const OTHER_UNITS = /_(ms|millis|milliseconds|minutes|hours|days|kb|mb|kilobytes|megabytes|percent)(_|$)/;
const SUFFIXES_OF_HISTOGRAM = ['_bucket', '_sum', '_count'];

/** Returns the families in their order. Fails at the first violation. */
export function parseExposition(text: string): Family[] {
  const families = new Map<string, Family>();
  let rest = text;
  while (rest !== '') {
    const [head, name = '', help, type = ''] =
      HEAD.exec(rest) ?? assert.fail(`not a head: ${firstLine(rest)}`);
    assert.ok(!families.has(name), `${name} is there twice`);
    assert.notEqual(help, '', `${name} has no help`);
    rest = rest.slice(head.length);
    const samples: Sample[] = [];
    while (rest !== '' && !rest.startsWith('# ')) {
      const [line, sample = '', labels = '', value = ''] =
        SAMPLE.exec(rest) ?? assert.fail(`not a sample: ${firstLine(rest)}`);
      samples.push({ name: sample, labels, value: Number(value.replace('Inf', 'Infinity')) });
      rest = rest.slice(line.length);
    }
    families.set(name, { name, type, samples });
  }
  for (const family of families.values()) requireConsistent(family);
  return [...families.values()];
}

function firstLine(text: string): string {
  return JSON.stringify(text.split('\n', 1)[0]);
}

function requireConsistent({ name, type, samples }: Family): void {
  assert.doesNotMatch(name, OTHER_UNITS, `${name} is not in a base unit`);
  assert.equal(name.endsWith('_total'), type === 'counter', `${name} is a ${type}`);
  const names = type === 'histogram' ? SUFFIXES_OF_HISTOGRAM.map((suffix) => name + suffix) : [name];
  const series = new Set<string>();
  for (const { name: sample, labels, value } of samples) {
    assert.ok(names.includes(sample), `${sample} is not in the family ${name}`);
    const key = `${sample}{${labels.split(',').sort()}}`;
    assert.ok(!series.has(key), `${key} is there twice`);
    series.add(key);
    assert.ok(type === 'gauge' || value >= 0, `${key} is negative`);
  }
  if (type === 'histogram') requireCumulative(name, samples);
}

function requireCumulative(name: string, samples: readonly Sample[]): void {
  const ofName = (suffix: string) => samples.filter((sample) => sample.name === name + suffix);
  for (const { labels, value: count } of ofName('_count')) {
    const buckets = ofName('_bucket').filter((bucket) => bucket.labels.startsWith(`${labels},le=`));
    const bounds = buckets.map((bucket) => /,le="([^"]*)"$/.exec(bucket.labels)?.[1] ?? '');
    assert.equal(bounds.at(-1), '+Inf', `${name}{${labels}} has no last bucket`);
    const rise = (values: number[]) => values.every((value, index) => value >= (values[index - 1] ?? 0));
    assert.ok(rise(bounds.slice(0, -1).map(Number)), `the bounds of ${name}{${labels}} do not rise`);
    assert.ok(rise(buckets.map(({ value }) => value)), `${name}{${labels}} is not cumulative`);
    assert.equal(buckets.at(-1)?.value, count, `the buckets of ${name}{${labels}} do not hold its count`);
    assert.equal(ofName('_sum').filter((sum) => sum.labels === labels).length, 1);
  }
}
