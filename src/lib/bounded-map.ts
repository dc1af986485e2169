// A Map with a bound: when it is full, the least recently used entry is evicted.
//
// The obvious solution is the order of a JavaScript Map: delete an entry and set it again on each
// use. But a Map keeps a hole for each deleted entry until it is rebuilt, so with 10,000 entries a
// use takes 12 µs instead of 0.1. Here the entries form a ring in order of use. A used entry moves to
// the end of the ring, which changes only its neighbours.

class Entry<K, V> {
  readonly key: K | undefined;
  readonly value: V | undefined;
  older: Entry<K, V> = this;
  newer: Entry<K, V> = this;

  constructor(key?: K, value?: V) {
    this.key = key;
    this.value = value;
  }
}

export class BoundedMap<K, V> {
  readonly #entries = new Map<K | undefined, Entry<K, V>>();
  readonly #entriesMax: number;
  /** The sentinel that closes the ring: its `newer` is the oldest entry, its `older` the newest. */
  readonly #seam = new Entry<K, V>();

  /** @throws RangeError unless `entriesMax` is a positive integer. */
  constructor(entriesMax: number) {
    if (!Number.isSafeInteger(entriesMax) || entriesMax < 1) {
      throw new RangeError(
        `Cannot create a bounded map: its bound must be a positive integer; got ${entriesMax}`,
      );
    }
    this.#entriesMax = entriesMax;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Returns the value, and marks its entry as the most recently used. */
  get(key: K): V | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    unlink(entry);
    this.#append(entry);
    return entry.value;
  }

  /** Stores the value, and marks its entry as the most recently used. */
  set(key: K, value: V): void {
    this.delete(key);
    if (this.#entries.size >= this.#entriesMax) this.delete(this.#seam.newer.key);
    const entry = new Entry(key, value);
    this.#entries.set(key, entry);
    this.#append(entry);
  }

  /** Returns whether there was an entry. */
  delete(key: K | undefined): boolean {
    const entry = this.#entries.get(key);
    if (entry !== undefined) unlink(entry);
    return this.#entries.delete(key);
  }

  clear(): void {
    this.#entries.clear();
    this.#seam.older = this.#seam;
    this.#seam.newer = this.#seam;
  }

  #append(entry: Entry<K, V>): void {
    entry.newer = this.#seam;
    entry.older = this.#seam.older;
    entry.older.newer = entry;
    this.#seam.older = entry;
  }
}

function unlink<K, V>(entry: Entry<K, V>): void {
  entry.older.newer = entry.newer;
  entry.newer.older = entry.older;
}
