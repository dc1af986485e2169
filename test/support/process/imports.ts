// The directions in which folders of src may import each other, as a table, and a parser of import statements.

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

/** One import statement. Paths are relative to `src`; a package or a module of Node is as written. */
export interface Import {
  readonly from: string;
  readonly to: string;
}

/** A file, or with a slash at its end everything in a folder. */
type Place = string;

export interface Rule {
  readonly of: Place;
  readonly mayImport: readonly Place[];
  readonly reason: string;
}

const STORE_INTERFACE = ['store/collections.ts', 'store/store.ts'];
const PARTS = ['lib/', 'http/', 'routing/', 'auth/', 'limit/', 'cache/', 'schema/'];
const RESOURCES_MAY = ['lib/', 'auth/', 'limit/', 'cache/', 'schema/', 'api/', 'http/address.ts'];
const EVERYTHING = [...PARTS, 'control/', 'store/', 'api/', 'resources/'];

/** The first rule whose place contains a file applies to it. All may import Node's modules and their own folder. */
export const rules: readonly Rule[] = [
  { of: 'lib/', mayImport: [], reason: 'it is what everything else stands on' },
  { of: 'http/', mayImport: ['lib/'], reason: 'HTTP can be read without knowing what it is used for' },
  { of: 'routing/', mayImport: ['lib/'], reason: 'it is offered on its own' },
  { of: 'auth/', mayImport: ['lib/'], reason: 'tokens and passwords know of no server and no store' },
  { of: 'limit/', mayImport: ['lib/'], reason: 'the arithmetic of limits knows nothing of requests' },
  { of: 'cache/', mayImport: ['lib/'], reason: 'it is offered on its own' },
  { of: 'schema/', mayImport: ['lib/'], reason: 'it is offered on its own' },
  { of: 'control/', mayImport: ['lib/'], reason: 'who owns a file is a question about sockets, not rows' },
  { of: 'store/', mayImport: ['lib/', 'control/'], reason: 'a store keeps rows, and locks its file' },
  {
    of: 'api/',
    mayImport: [...PARTS, ...STORE_INTERFACE],
    reason: 'the journey brings all parts together, but where rows are kept must not matter to it',
  },
  {
    of: 'resources/',
    mayImport: [...RESOURCES_MAY, ...STORE_INTERFACE],
    reason: 'a handler gets plain values and gives a row: of HTTP it may know what an address is, no more',
  },
  { of: 'config.ts', mayImport: EVERYTHING, reason: 'every part has settings' },
  { of: 'version.ts', mayImport: [], reason: 'the build replaces it by a constant' },
  { of: 'app-options.ts', mayImport: ['lib/', 'http/'], reason: 'it checks what the parts below receive' },
  {
    of: 'app.ts',
    mayImport: [
      ...EVERYTHING,
      'config.ts',
      'app-options.ts',
      'version.ts',
      'commands/user-requests.ts',
      'commands/key-requests.ts',
    ],
    reason: 'it wires everything',
  },
  {
    of: 'commands/serve.ts',
    mayImport: [...EVERYTHING, 'config.ts', 'version.ts', 'app.ts', 'commands/'],
    reason: 'it is the command that starts a server',
  },
  {
    of: 'commands/',
    mayImport: [...EVERYTHING, 'config.ts', 'version.ts'],
    reason: 'any other command works on what is kept, without a server',
  },
  {
    of: 'main.ts',
    mayImport: ['lib/', 'commands/'],
    reason: 'it hands the world to a command, and no more',
  },
];

/** Returns the imports that no rule allows, as `from imports to`. */
export function offences(imports: readonly Import[]): string[] {
  return imports.filter((each) => !isAllowed(each)).map(({ from, to }) => `${from} imports ${to}`);
}

/** Returns the static, dynamic and re-exporting imports of a file. */
export function importsIn(from: string, source: string): Import[] {
  const patterns = [
    /^\s*(?:import|export)\s[^;'"`]*?\bfrom\s*['"]([^'"]+)['"]/gm,
    /^\s*import\s*['"]([^'"]+)['"]/gm,
    /\b(?:import|require|createRequire\([^)]*\))\s*\(\s*['"`]([^'"`]+)['"`]/g,
  ];
  const specifiers = patterns.flatMap((pattern) => [...source.matchAll(pattern)].map(([, to = '']) => to));
  return specifiers.map((to) => ({ from, to: to.startsWith('.') ? normalize(join(dirname(from), to)) : to }));
}

/** Returns the sorted paths of the files below a folder, relative to it. */
export function filesIn(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}

/** Returns the imports in the TypeScript files below a folder. */
export function importsBelow(folder: string): Import[] {
  const files = filesIn(folder).filter((path) => path.endsWith('.ts'));
  return files.flatMap((path) => importsIn(path, readFileSync(join(folder, path), 'utf8')));
}

function isAllowed({ from, to }: Import): boolean {
  if (to.startsWith('node:')) return true;
  const rule = rules.find(({ of }) => isIn(from, of));
  if (rule === undefined) return false;
  const ownFolder = rule.of.endsWith('/') ? [rule.of] : [];
  return [...rule.mayImport, ...ownFolder].some((place) => isIn(to, place));
}

function isIn(path: string, place: Place): boolean {
  return place.endsWith('/') ? path.startsWith(place) : path === place;
}
