// The reporter of the suite. Node's `spec` and `tap` print every passing test, thousands of lines
// in which a failure is lost, and `dot` omits the reasons of skipped tests. This reporter prints
// each failure in full, each skipped test on one line, the output and diagnostics of the tests, and
// the counts.

import { relative } from 'node:path';
import { inspect } from 'node:util';

const ERROR_DEPTH = 6;
/** The counts of Node, which count timeouts as cancelled tests instead of failed ones. */
const COUNT = /^(?:tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) /;

export default async function* report(events) {
  const titles = [];
  const counts = { passed: 0, failed: 0, skipped: 0 };

  for await (const { type, data } of events) {
    if (type === 'test:start') titles.splice(data.nesting, Infinity, data.name);
    if (type === 'test:stdout' || type === 'test:stderr') yield data.message;
    if (type === 'test:diagnostic' && !COUNT.test(data.message)) yield `# ${data.message}\n`;
    if (type === 'test:pass' && data.details.type !== 'suite' && data.skip === undefined) counts.passed++;
    if (type === 'test:pass' && data.skip !== undefined) {
      counts.skipped++;
      yield `- ${titleOf(data)}: skipped, ${data.skip}\n`;
    }
    // A suite fails with its tests, which have already been reported.
    if (type === 'test:fail' && data.details.error.failureType !== 'subtestsFailed') {
      counts.failed++;
      yield failure(titleOf(data), data);
    }
  }

  const summary = Object.entries(counts).map(([name, count]) => `${count} ${name}`);
  yield `${summary.join(', ')} in ${Math.round(performance.now() / 1000)} s\n`;

  function titleOf({ nesting, name }) {
    return [...titles.slice(0, nesting), name].join(' > ');
  }
}

function failure(title, { file, details: { error } }) {
  const place = file === undefined ? '' : `  ${relative(process.cwd(), file)}\n`;
  // Node wraps the error that a test throws. Reasons of its own are strings.
  const { cause = error } = error;
  const text = typeof cause === 'string' ? cause : inspect(cause, { depth: ERROR_DEPTH });
  return `\n✖ ${title}\n${place}${text.replace(/^/gm, '  ')}\n\n`;
}
