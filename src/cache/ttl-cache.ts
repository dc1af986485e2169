// An LRU cache with a time to live. The hard part is the stampede: when a popular entry expires, a
// hundred requests miss together and all of them recompute it. Here the first miss computes, and
// the others await its promise (single flight).
//
// Deleting or setting a key also detaches a computation in progress, which may have read an older
// value. Its result is returned to the callers that already wait, and is not cached.

import { BoundedMap } from '../lib/bounded-map.ts';

export interface TtlCacheOptions {
  /** Lifetime of an entry in milliseconds. */
  readonly ttlMs: number;
  /** Maximum number of entries. */
  readonly max: number;
  /** Milliseconds since the epoch; default `Date.now`. */
  readonly now?: () => number;
}

export class TtlCache<K, V> {
  readonly #entries: BoundedMap<K, { readonly value: V; readonly endsAtMs: number }>;
  readonly #flights = new Map<K, Promise<V>>();
  readonly #ttlMs: number;
  readonly #now: () => number;

  /** @throws RangeError for a `ttlMs` that is not positive or a `max` that is not a positive integer. */
  constructor({ ttlMs, max, now = Date.now }: TtlCacheOptions) {
    if (!(ttlMs > 0)) throw new RangeError(`Cannot create a cache: ttlMs must be positive; got ${ttlMs}`);
    this.#entries = new BoundedMap(max);
    this.#ttlMs = ttlMs;
    this.#now = now;
  }

  /** Number of entries; an expired entry counts until it is requested or evicted. */
  get size(): number {
    return this.#entries.size;
  }

  /** Returns the cached value; undefined if there is none or it has expired. */
  get(key: K): V | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (this.#now() < entry.endsAtMs) return entry.value;
    this.#entries.delete(key);
    return undefined;
  }

  set(key: K, value: V): void {
    this.#flights.delete(key);
    this.#entries.set(key, { value, endsAtMs: this.#now() + this.#ttlMs });
  }

  delete(key: K): void {
    this.#flights.delete(key);
    this.#entries.delete(key);
  }

  clear(): void {
    this.#flights.clear();
    this.#entries.clear();
  }

  /**
   * Returns the cached value, or the value that `compute` resolves to. Concurrent callers share one
   * call. A rejection is not cached.
   */
  getOrCompute(key: K, compute: () => Promise<V>): Promise<V> {
    const cached = this.get(key);
    if (cached !== undefined) return Promise.resolve(cached);
    return this.#flights.get(key) ?? this.#fly(key, compute);
  }

  #fly(key: K, compute: () => Promise<V>): Promise<V> {
    const flight = start(compute);
    this.#flights.set(key, flight);
    const land = () => this.#flights.get(key) === flight && this.#flights.delete(key);
    flight.then((value) => land() && this.set(key, value), land);
    return flight;
  }
}

// An exception that `compute` throws before it returns a promise becomes a rejection like any other.
async function start<V>(compute: () => Promise<V>): Promise<V> {
  return compute();
}
