// A Map by id that never blocks the event loop. V8 copies the whole table of a plain Map when it is
// full or mostly empty. At a million rows, the `set` that doubles it takes 80 ms, and the `delete`
// that shrinks it 35 ms. A plain Map also ends at 2^24 entries. Ids are assigned in ascending
// order, so here neighbours share a small Map, a page, and V8 only ever copies a page.

import type { Entity, Id } from '../collections.ts';

const PAGE_IDS = 4_096;

/** The rows of one collection by id, roughly in the order of insertion. */
export interface RowMap {
  readonly size: number;
  has(id: Id): boolean;
  get(id: Id): Entity | undefined;
  set(id: Id, row: Entity): void;
  delete(id: Id): void;
  /** Includes rows that are set during the iteration. */
  values(): Iterable<Entity>;
}

export class IdMap<Value> {
  readonly #pages = new Map<number, Map<Id, Value>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  has(id: Id): boolean {
    return this.#pages.get(pageOf(id))?.has(id) === true;
  }

  get(id: Id): Value | undefined {
    return this.#pages.get(pageOf(id))?.get(id);
  }

  set(id: Id, value: Value): void {
    const page = this.#pages.get(pageOf(id)) ?? new Map<Id, Value>();
    if (page.size === 0) this.#pages.set(pageOf(id), page);
    if (!page.has(id)) this.#size++;
    page.set(id, value);
  }

  delete(id: Id): void {
    const page = this.#pages.get(pageOf(id));
    if (page?.delete(id) === true) this.#size--;
    if (page?.size === 0) this.#pages.delete(pageOf(id));
  }

  /** Page by page; includes values that are set during the iteration. */
  *values(): Generator<Value> {
    for (const page of this.#pages.values()) yield* page.values();
  }
}

function pageOf(id: Id): number {
  return Math.floor(id / PAGE_IDS);
}
