// A Map that never grows past a bound: when it is full, the entry that was used longest ago goes. A JavaScript Map
// iterates in order of insertion, so deleting and setting again on each use keeps the least recently used entry
// first, and no second data structure is needed.

export class BoundedMap<K, V> {
  readonly #entries = new Map<K, V>();
  // Kept from eviction to eviction: a fresh iterator would step over every deleted entry again.
  readonly #oldest = this.#entries.keys();
  readonly #entriesMax: number;

  /** @throws RangeError unless `entriesMax` is a positive integer. */
  constructor(entriesMax: number) {
    if (!Number.isSafeInteger(entriesMax) || entriesMax < 1) {
      throw new RangeError(`A bounded map needs room for at least one entry, not ${entriesMax}`);
    }
    this.#entriesMax = entriesMax;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The value, without counting as a use. */
  peek(key: K): V | undefined {
    return this.#entries.get(key);
  }

  /** The value; the entry is now the most recently used one. */
  get(key: K): V | undefined {
    const value = this.#entries.get(key);
    if (value === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, value);
    return value;
  }

  /** Stores the value as the most recently used one; the least recently used entry makes room. */
  set(key: K, value: V): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size <= this.#entriesMax) return;
    const oldest = this.#oldest.next();
    if (!oldest.done) this.#entries.delete(oldest.value);
  }

  delete(key: K): boolean {
    return this.#entries.delete(key);
  }

  clear(): void {
    this.#entries.clear();
  }
}
