// A copy of the source with a few texts replaced, imported into this process. It shows how Jot
// behaves with other collections.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import type { Cleanup } from '../disk/temporary-folder.ts';
import { scratchProject } from './scratch-project.ts';

/** The texts to replace, and what replaces them, by the file in `src`. */
export type Patches = Readonly<
  Record<
    string,
    readonly (readonly [text: string | RegExp, replacement: string | ((text: string) => string)])[]
  >
>;

/** Returns a function that imports a module of the copy. */
export function patchedSource(t: Cleanup, patches: Patches): <Module>(file: string) => Promise<Module> {
  const project = scratchProject(t);
  for (const [file, replacements] of Object.entries(patches)) {
    const path = `${project}/src/${file}`;
    let source = readFileSync(path, 'utf8');
    for (const [text, replacement] of replacements) {
      const isFound = typeof text === 'string' ? source.includes(text) : text.test(source);
      assert.ok(isFound, `${file} has no ${text}`);
      source = source.replace(text, typeof replacement === 'string' ? () => replacement : replacement);
    }
    writeFileSync(path, source);
  }
  return (file) => import(pathToFileURL(`${project}/src/${file}`).href);
}
