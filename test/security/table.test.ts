// SECURITY.md says which item of which source holds, and tests show it: neither may say what the other does not.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { problemsOf, sectionsOf, testNamesIn } from '../support/cases/security-tables.ts';
import { filesIn } from '../support/process/imports.ts';
import { root } from '../support/process/scratch-project.ts';

const OWN_PATH = 'test/security/table.test.ts';
const FILE = 'test/security/rfc1.test.ts';
const ELSEWHERE = 'test/http/raw.test.ts';

const testTexts = new Map(
  filesIn(`${root}test`)
    .map((path) => `test/${path}`)
    .filter((path) => path.endsWith('.test.ts') && path !== OWN_PATH)
    .map((path) => [path, readFileSync(`${root}${path}`, 'utf8')]),
);

describe('SECURITY.md', () => {
  const sections = sectionsOf(readFileSync(`${root}SECURITY.md`, 'utf8'));

  it('has a row for every security test, and a test for every item that holds', () => {
    assert.deepEqual(problemsOf(sections, testTexts), []);
  });

  it('names no item of a source twice', () => {
    for (const { source, rows } of sections) {
      const items = rows.flatMap(({ item }) => item.split(', '));
      assert.ok(items.length > 0, source);
      assert.equal(new Set(items).size, items.length, source);
    }
  });

  it('goes through the sources whole', () => {
    const itemsOf = (name: string) =>
      sections.find(({ source }) => source === name)?.rows.map(({ item }) => item);
    const numbered = (count: number, nameAt: (number: number) => string) =>
      Array.from({ length: count }, (_, index) => nameAt(index + 1));
    assert.deepEqual(
      itemsOf('RFC 8725'),
      numbered(12, (number) => `§3.${number}`),
    );
    assert.deepEqual(
      itemsOf('OWASP API Security Top 10 2023'),
      numbered(10, (number) => `API${number}:2023`),
    );
  });
});

describe('problemsOf', () => {
  const rowsOf = (...rows: string[]) =>
    sectionsOf(
      ['# Security', `### RFC 1: A source (\`${FILE}\`)`, '| a | b | c |', '| - | - | - |', ...rows].join(
        '\n',
      ),
    );
  const problemsIn = (rows: string[], tests: string) =>
    problemsOf(
      rowsOf(...rows),
      new Map([
        [FILE, tests],
        [ELSEWHERE, ''],
      ]),
    );
  const held = '| §1 | it works | holds |';
  const shown = "it('§1: it works', () => {});";

  const good: readonly (readonly [rows: string[], tests: string, reason: string])[] = [
    [[held], shown, 'a test named after item and words'],
    [[held], 'test("§1 it works", async (t) => {});', 'without a colon, and in other quotes'],
    [[held], "for (const one of all) it('§1: it works', () => {});", 'in a loop'],
    [[held], "  it(\n    '§1: it works',\n    async () => {});", 'broken over lines'],
    [
      [held, '| §2 | it works | holds |'],
      `it(\`\${item}: it works\`, () => {});`,
      'two rows by one template',
    ],
    [['| §1 | it works | holds; mostly |'], shown, 'with a remark'],
    [[held, '| §2 | so does this | as §1 |'], shown, 'another item of the source'],
    [[held, '| §2 | so does this | as RFC 1 §1 |'], shown, 'with the name of the source'],
    [['| §1 | raw | holds: `test/http/raw.test.ts` |'], '', 'a file elsewhere'],
    [
      ['| §1 | TLS | the proxy: it speaks TLS |', '| §2 | mail | does not apply: there is none |'],
      '',
      'reasons',
    ],
  ];
  for (const [rows, tests, reason] of good) {
    it(`finds nothing wrong with ${reason}`, () => assert.deepEqual(problemsIn(rows, tests), []));
  }

  const bad: readonly (readonly [rows: string[], tests: string, problem: string])[] = [
    [[held], '', `§1 has no test of its name in ${FILE}`],
    [[held], "// it('§1: it works')", `§1 has no test of its name in ${FILE}`],
    [[held], "name.test('§1: it works');", `§1 has no test of its name in ${FILE}`],
    [[], shown, `${FILE} has a test that is in no table: ^§1: it works$`],
    [
      ['| §1 | it works | no: it does not |'],
      shown,
      `${FILE} has a test that is in no table: ^§1: it works$`,
    ],
    [['| §1 | it works | perhaps |'], '', '§1 stands in no way that counts: perhaps'],
    [['| §1 | it works | no: |'], '', '§1 stands in no way that counts: no:'],
    [['| §1 | it works | as §2 |'], '', '§1 stands in no way that counts: as §2'],
    [
      ['| §1 | it works | holds: `test/x.test.ts` |'],
      '',
      '§1 stands in no way that counts: holds: `test/x.test.ts`',
    ],
  ];
  for (const [rows, tests, problem] of bad) {
    it(`says: ${problem}`, () => assert.deepEqual(problemsIn(rows, tests), [problem]));
  }

  it('finds a file that no section is about', () => {
    assert.deepEqual(problemsOf([], new Map([[FILE, '']])), [`${FILE} has no section`]);
  });

  it('finds every name there is', () => {
    const names = testNamesIn(testTexts.get('test/security/rfc8725.test.ts') ?? '');
    assert.equal(names.length, 10);
  });
});
