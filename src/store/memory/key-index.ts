// A unique index in memory, from keys to ids of rows. A Map would do if no two rows shared a key.
// But rows that an earlier version kept apart may have one key today. And a snapshot that was taken
// while changes went on shows rows of different times, so a key may have a second holder until a
// later change. In a Map, the second holder would hide the first, and free its key when it leaves.
// Here a key keeps all of its holders, in the order in which they were put.

import type { Id } from '../declaration.ts';

export class KeyIndex {
  readonly #first = new Map<string, Id>();
  /** The holders after the first, of the few keys that have any. */
  readonly #others = new Map<string, Set<Id>>();

  idsOf(key: string): readonly Id[] {
    const first = this.#first.get(key);
    return first === undefined ? [] : [first, ...(this.#others.get(key) ?? [])];
  }

  add(key: string, id: Id): void {
    const first = this.#first.get(key);
    if (first === undefined) this.#first.set(key, id);
    else if (first !== id) this.#others.set(key, (this.#others.get(key) ?? new Set()).add(id));
  }

  remove(key: string, id: Id): void {
    const others = this.#others.get(key);
    if (this.#first.get(key) === id) {
      const [next] = others ?? [];
      if (next === undefined) this.#first.delete(key);
      else this.#first.set(key, next);
      if (next !== undefined) others?.delete(next);
    } else others?.delete(id);
    if (others?.size === 0) this.#others.delete(key);
  }
}
