// Reads SECURITY.md's tables, and the names of tests, so that the two can be compared.

export interface Row {
  readonly item: string;
  readonly words: string;
  /** How it stands. */
  readonly state: string;
}

export interface Section {
  /** What a reference to one of its items begins with. */
  readonly source: string;
  /** The file whose tests it is about, from the project's root. */
  readonly file: string;
  readonly rows: readonly Row[];
}

/** The sections whose heading names a test file, `### RFC 8725: … (`test/security/rfc8725.test.ts`)`. */
export function sectionsOf(markdown: string): Section[] {
  return markdown.split(/^#+ /m).flatMap((text) => {
    const [heading = '', ...lines] = text.split('\n');
    const parts = /^([^:(]+?)(?::[^(]*)? \(`([^`]+)`\)$/.exec(heading);
    if (parts === null) return [];
    const [, source = '', file = ''] = parts;
    return [{ source, file, rows: rowsIn(lines) }];
  });
}

// What stands above the line of dashes names the columns.
function rowsIn(lines: readonly string[]): Row[] {
  const table = lines.filter((line) => line.startsWith('|'));
  return table.slice(2).map((line) => {
    const [, item = '', words = '', state = ''] = line.split('|').map((cell) => cell.trim());
    return { item, words, state };
  });
}

/** The names of a file's tests, as patterns: `${…}` in a name stands for any text. */
export function testNamesIn(source: string): RegExp[] {
  return namesIn(
    source,
    /^(?!\s*\/\/)(?:.*[^.\w])?(?:it|test)\(\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|`((?:[^`\\]|\\.)*)`)/gm,
  );
}

/** A file in its groups, the name of each and its text; a group begins with `describe` at the start of a line. */
export function groupsIn(source: string): { readonly name: RegExp | null; readonly text: string }[] {
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
 * What does not fit together.
 *
 * @param textOf The text of every test file, by its path from the project's root.
 */
export function problemsOf(sections: readonly Section[], textOf: ReadonlyMap<string, string>): string[] {
  const held = sections.flatMap(({ source, rows }) =>
    rows.filter(isHeld).flatMap(({ item }) => [item, `${source} ${item}`]),
  );
  const problems = sections.flatMap(({ file, rows }) => {
    const shown = rows.filter(isHeld).map(namesOf);
    const groups = groupsIn(textOf.get(file) ?? '');
    const isShown = (name: RegExp | null) => shown.flat().some((each) => name?.test(each));
    // A row may be about a whole group: then its tests need none of their own.
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
