// The ids of one list in ascending order. New ids are almost always the highest, so adding is a push; finding a page is
// a binary search, whatever the list's length.

import type { Id } from '../collections.ts';
import type { ListQuery } from '../store.ts';

export class IdList {
  readonly #ids: Id[] = [];

  get length(): number {
    return this.#ids.length;
  }

  add(id: Id): void {
    const index = this.#firstAbove(id);
    if (this.#ids[index - 1] === id) return;
    if (index === this.#ids.length) this.#ids.push(id);
    else this.#ids.splice(index, 0, id);
  }

  remove(id: Id): void {
    const index = this.#firstAbove(id) - 1;
    if (this.#ids[index] === id) this.#ids.splice(index, 1);
  }

  /** At most `limit` ids after the given one, in the given order. */
  page({ after, limit, order }: ListQuery): Id[] {
    if (order === 'asc') {
      const start = this.#firstAbove(after);
      return this.#ids.slice(start, start + limit);
    }
    const end = after === 0 ? this.#ids.length : this.#firstAbove(after - 1);
    return this.#ids.slice(Math.max(0, end - limit), end).reverse();
  }

  [Symbol.iterator](): Iterator<Id> {
    return this.#ids[Symbol.iterator]();
  }

  #firstAbove(id: Id): number {
    let low = 0;
    let high = this.#ids.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#ids[middle] as Id) > id) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
