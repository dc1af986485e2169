// An LRU cache with a time to live. The hard part is the stampede: when a popular entry expires, a
// hundred requests miss together and all of them recompute it. Here the first miss computes, and
// the others await its promise (single flight).
//
// Deleting or setting a key also detaches a computation in progress, which may have read an older
// value. Its result is returned to the callers that already wait, and is not cached.

import { BoundedMap, type Bounds, type Group } from '../lib/bounded-map.ts';

export type { Bounds, Group } from '../lib/bounded-map.ts';

import { checkedClock } from '../lib/clock.ts';

export interface TtlCacheOptions<K = unknown, V = unknown> extends Bounds<K, V> {
  /** Lifetime of an entry in milliseconds. */
  readonly ttlMs: number;
  /** Maximum number of entries. */
  readonly max: number;
  /** Milliseconds since the epoch; default `Date.now`. */
  readonly now?: () => number;
}

interface Entry<V> {
  readonly value: V;
  readonly endsAtMs: number;
}

export class TtlCache<K, V> {
  readonly #entries: BoundedMap<K, Entry<V>>;
  readonly #flights = new Map<K, Promise<V>>();
  readonly #ttlMs: number;
  readonly #now: () => number;
  #latestMs = Number.NEGATIVE_INFINITY;

  /**
   * @throws RangeError unless `max` is a positive integer and the other bounds and `ttlMs` are
   * positive; TypeError for a clock that does not return a finite number.
   */
  constructor({ ttlMs, max, now = () => Date.now(), bytesOf, ...bounds }: TtlCacheOptions<K, V>) {
    if (!(ttlMs > 0)) throw new RangeError(`Cannot create a cache: ttlMs must be positive; got ${ttlMs}`);
    this.#entries = new BoundedMap(max, {
      ...bounds,
      bytesOf: (key, { value }) => bytesOf?.(key, value) ?? 0,
    });
    this.#ttlMs = ttlMs;
    this.#now = checkedClock(now);
  }

  /** Number of entries; an expired entry counts until it is requested or evicted. */
  get size(): number {
    return this.#entries.size;
  }

  /** Total of `bytesOf`. */
  get bytes(): number {
    return this.#entries.bytes;
  }

  /** Returns the cached value; undefined if there is none or it has expired. */
  get(key: K): V | undefined {
    return this.#find(key)?.value;
  }

  /** @param group Charged with the entry's share of the bounds; default one group for all. */
  set(key: K, value: V, group?: Group): void {
    this.#flights.delete(key);
    this.#entries.set(key, { value, endsAtMs: this.#time() + this.#ttlMs }, group);
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
  getOrCompute(key: K, compute: () => Promise<V>, group?: Group): Promise<V> {
    const cached = this.#find(key);
    if (cached !== undefined) return Promise.resolve(cached.value);
    return this.#flights.get(key) ?? this.#fly(key, compute, group);
  }

  #find(key: K): Entry<V> | undefined {
    const nowMs = this.#time();
    const entry = this.#entries.get(key);
    if (entry === undefined || nowMs < entry.endsAtMs) return entry;
    this.#entries.delete(key);
    return undefined;
  }

  #fly(key: K, compute: () => Promise<V>, group: Group | undefined): Promise<V> {
    const flight = start(compute);
    this.#flights.set(key, flight);
    const land = () => this.#flights.get(key) === flight && this.#flights.delete(key);
    flight.then((value) => land() && this.set(key, value, group), land);
    return flight;
  }

  // After the clock was set back, the ages of the entries are unknown, so all of them expire.
  #time(): number {
    const nowMs = this.#now();
    if (nowMs < this.#latestMs) this.#entries.clear();
    this.#latestMs = nowMs;
    return nowMs;
  }
}

// An exception that `compute` throws before it returns a promise becomes a rejection like any other.
async function start<V>(compute: () => Promise<V>): Promise<V> {
  return compute();
}
