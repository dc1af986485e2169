// The lists of removed owners. Their rows are gone for every read, but still in the Maps, from
// which they are taken one by one. The list that came last is emptied first: it may belong to a row
// that was just taken out, so few lists wait, however deep rows are nested.

import { byCollection, type CollectionName, type Id } from '../collections.ts';
import type { IdList } from './id-list.ts';

interface DroppedList {
  readonly name: CollectionName;
  readonly owner: Id;
  readonly ids: IdList;
}

export class DroppedLists {
  readonly #stack: DroppedList[] = [];
  readonly #owners = byCollection(() => new Set<Id>());
  readonly #counts = byCollection(() => ({ rows: 0 }));

  get isEmpty(): boolean {
    return this.#stack.length === 0;
  }

  /** Returns whether the owner's list of this collection is here. */
  has(name: CollectionName, owner: Id): boolean {
    return this.#owners[name].has(owner);
  }

  /** Returns the number of rows of this collection in all lists. */
  count(name: CollectionName): number {
    return this.#counts[name].rows;
  }

  push(list: DroppedList): void {
    this.#stack.push(list);
    this.#owners[list.name].add(list.owner);
    this.#counts[list.name].rows += list.ids.length;
  }

  /** Takes a row off the last list; returns null if all lists are empty. */
  pop(): { readonly name: CollectionName; readonly id: Id } | null {
    for (let list = this.#stack.at(-1); list !== undefined; list = this.#stack.at(-1)) {
      const { name, owner } = list;
      const id = list.ids.pop();
      if (id !== undefined) {
        this.#counts[name].rows--;
        return { name, id };
      }
      this.#stack.pop();
      this.#owners[name].delete(owner);
    }
    return null;
  }
}
