// Compares the tables of SECURITY.md with the titles of the security tests. Every item that holds
// has a test of its name, and every such test has a row.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { filesIn } from '../support/process/imports.ts';
import { root } from '../support/process/scratch-project.ts';

interface Row {
  readonly item: string;
  readonly words: string;
  /** Whether the item holds, or the reason that it does not. */
  readonly state: string;
}

interface Section {
  /** The prefix of a reference to one of its items. */
  readonly source: string;
  /** The test file of the section, relative to the root of the project. */
  readonly file: string;
  readonly rows: readonly Row[];
}

/** The sections whose heading names a test file, `### RFC 8725: … (`test/security/rfc8725.test.ts`)`. */
function sectionsOf(markdown: string): Section[] {
  return markdown.split(/^#+ /m).flatMap((text) => {
    const [heading = '', ...lines] = text.split('\n');
    const parts = /^([^:(]+?)(?::[^(]*)? \(`([^`]+)`\)$/.exec(heading);
    if (parts === null) return [];
    const [, source = '', file = ''] = parts;
    return [{ source, file, rows: rowsIn(lines) }];
  });
}

// The row above the line of dashes holds the names of the columns.
function rowsIn(lines: readonly string[]): Row[] {
  const table = lines.filter((line) => line.startsWith('|'));
  return table.slice(2).map((line) => {
    const [, item = '', words = '', state = ''] = line.split('|').map((cell) => cell.trim());
    return { item, words, state };
  });
}

/** The names of a file's tests, as patterns: `${…}` in a name stands for any text. */
function testNamesIn(source: string): RegExp[] {
  return namesIn(
    source,
    /^(?!\s*\/\/)(?:.*[^.\w])?(?:it|test)\(\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|`((?:[^`\\]|\\.)*)`)/gm,
  );
}

/** A file in its groups, the name of each and its text; a group begins with `describe` at the start of a line. */
function groupsIn(source: string): { readonly name: RegExp | null; readonly text: string }[] {
  return source.split(/^(?=describe\(|(?:it|test)\()/m).map((text) => {
    const [name = null] = namesIn(
      text,
      /^describe\(\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|`((?:[^`\\]|\\.)*)`)/g,
    );
    return { name, text };
  });
}

function namesIn(source: string, calls: RegExp): RegExp[] {
  return [...source.matchAll(calls)].map(([, single, double, template]) => {
    const name = (single ?? double ?? template ?? '').replaceAll(/\\(.)/g, '$1');
    const pattern = name.split(/\$\{[^}]*\}/).map((text) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
    return new RegExp(`^${pattern.join('.+')}$`);
  });
}

/**
 * Returns the items and tests that do not match.
 *
 * @param textOf The text of every test file, by its path from the root of the project.
 */
function problemsOf(sections: readonly Section[], textOf: ReadonlyMap<string, string>): string[] {
  const held = sections.flatMap(({ source, rows }) =>
    rows.filter(isHeld).flatMap(({ item }) => [item, `${source} ${item}`]),
  );
  const problems = sections.flatMap(({ file, rows }) => {
    const shown = rows.filter(isHeld).map(namesOf);
    const groups = groupsIn(textOf.get(file) ?? '');
    const isShown = (name: RegExp | null) => shown.flat().some((each) => name?.test(each));
    // A row may refer to a whole group; then its tests need no rows.
    const names = groups.flatMap(({ name, text }) =>
      name !== null && isShown(name) ? [name] : testNamesIn(text),
    );
    const untested = rows
      .filter((row) => isHeld(row) && !names.some((name) => namesOf(row).some((each) => name.test(each))))
      .map(({ item }) => `${item} has no test of its name in ${file}`);
    const unlisted = names
      .filter((name) => !isShown(name))
      .map((name) => `${file} has a test that is in no table: ${name.source}`);
    const unclear = rows
      .filter((row) => !isHeld(row) && !isExplained(row, held, textOf))
      .map(({ item, state }) => `${item} stands in no way that counts: ${state}`);
    return [...untested, ...unlisted, ...unclear];
  });
  const unknown = [...textOf.keys()]
    .filter((path) => path.startsWith('test/security/') && !sections.some(({ file }) => file === path))
    .map((path) => `${path} has no section`);
  return [...problems, ...unknown];
}

function isHeld({ state }: Row): boolean {
  return state === 'holds' || state.startsWith('holds; ');
}

// `§3.1: a token …` and `API1:2023 nobody …` are both ways to name a test after its item.
function namesOf({ item, words }: Row): string[] {
  return [`${item}: ${words}`, `${item} ${words}`];
}

function isExplained({ state }: Row, held: readonly string[], textOf: ReadonlyMap<string, string>): boolean {
  const [, elsewhere] = /^holds: `([^`]+)`$/.exec(state) ?? [];
  if (elsewhere !== undefined) return textOf.has(elsewhere);
  const [, other] = /^as (.+)$/.exec(state) ?? [];
  if (other !== undefined) return held.includes(other);
  return /^(does not apply|the proxy|the operator|no|written): .+/.test(state);
}

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
