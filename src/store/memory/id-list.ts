// The ids of one list in ascending order. In a plain sorted array, adding or removing an id moves
// all later ones: 400,000 ids in descending order take 46 s to add, and a batch of 1,024 removals
// from the front of a million ids stops the server for 0.6 s. So the ids lie in chunks of bounded
// length, a B-tree of two levels: a change moves only ids of its chunk, and a binary search finds
// the chunk. New ids are almost always the highest, so adding is a push.

import type { Id } from '../collections.ts';
import type { ListQuery } from '../store.ts';

const CHUNK_IDS_MAX = 1_024;

export class IdList {
  /** In ascending order; none is empty. */
  #chunks: Id[][] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  add(id: Id): void {
    const at = this.#chunkFor(id);
    const chunk = this.#chunks[at];
    if (chunk === undefined) {
      // Most lists are short, and an array that `push` makes has room for 17 elements.
      this.#chunks = [[id]];
      this.#length = 1;
      return;
    }
    const index = firstAbove(chunk, id);
    if (chunk[index - 1] === id) return;
    this.#length++;
    if (index === chunk.length) chunk.push(id);
    else chunk.splice(index, 0, id);
    if (chunk.length > CHUNK_IDS_MAX) this.#split(at, index);
  }

  remove(id: Id): void {
    const at = this.#chunkFor(id);
    const chunk = this.#chunks[at] ?? [];
    const index = firstAbove(chunk, id) - 1;
    if (chunk[index] !== id) return;
    this.#length--;
    chunk.splice(index, 1);
    if (chunk.length === 0) this.#chunks.splice(at, 1);
  }

  /** Removes the highest id and returns it; undefined if the list is empty. */
  pop(): Id | undefined {
    const id = this.#chunks.at(-1)?.at(-1);
    if (id !== undefined) this.remove(id);
    return id;
  }

  /** At most `limit` ids after the given one, in the given order. */
  page(query: ListQuery): Id[] {
    return query.order === 'asc' ? this.#pageUp(query) : this.#pageDown(query);
  }

  *[Symbol.iterator](): Generator<Id> {
    for (const chunk of this.#chunks) yield* chunk;
  }

  #pageUp({ after, limit }: ListQuery): Id[] {
    const page: Id[] = [];
    for (let at = this.#chunkFor(after); page.length < limit && at < this.#chunks.length; at++) {
      const chunk = this.#chunks[at] as Id[];
      const start = firstAbove(chunk, after);
      page.push(...chunk.slice(start, start + limit - page.length));
    }
    return page;
  }

  #pageDown({ after, limit }: ListQuery): Id[] {
    const page: Id[] = [];
    const below = after === 0 ? Number.POSITIVE_INFINITY : after;
    for (let at = this.#chunkFor(below); page.length < limit && at >= 0; at--) {
      const chunk = this.#chunks[at] ?? [];
      const end = firstAbove(chunk, below - 1);
      page.push(...chunk.slice(Math.max(0, end - limit + page.length), end).reverse());
    }
    return page;
  }

  // The index of the last chunk that begins at or below the id, or 0.
  #chunkFor(id: Id): number {
    return Math.max(0, firstIndex(this.#chunks.length, (at) => (this.#chunks[at]?.[0] as Id) > id) - 1);
  }

  // Splits in half, except that ids in ascending order fill a chunk and then begin the next one.
  #split(at: number, added: number): void {
    const chunk = this.#chunks[at] as Id[];
    const middle = added === chunk.length - 1 ? added : chunk.length >>> 1;
    this.#chunks.splice(at + 1, 0, chunk.splice(middle));
  }
}

function firstAbove(ids: readonly Id[], id: Id): number {
  return firstIndex(ids.length, (index) => (ids[index] as Id) > id);
}

/** Binary search: `isAbove` must be false up to some index, and true from there to the end. */
function firstIndex(length: number, isAbove: (index: number) => boolean): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isAbove(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
