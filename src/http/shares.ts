// Counts how much of a bounded resource, such as connections or memory, each client holds. The
// obvious solution refuses requests once the resource is used up, so a single client can take all
// of it and lock every other client out. Instead, the owner of the resource takes some back from
// the client that holds the most. This file keeps a total and a list of items for each client, so
// that an attacker with thousands of items cannot make each decision expensive.

interface Share<T> {
  /** Amounts by item, oldest first. */
  readonly items: Map<T, number>;
  total: number;
}

export class Shares<T> {
  /** By client; a client without items has no entry. */
  readonly #shares = new Map<string, Share<T>>();
  readonly #clients = new Map<T, string>();
  #total = 0;

  get total(): number {
    return this.#total;
  }

  /** Number of items. */
  get size(): number {
    return this.#clients.size;
  }

  add(client: string, item: T, amount = 1): void {
    const share = this.#shares.get(client) ?? { items: new Map(), total: 0 };
    this.#shares.set(client, share);
    this.#clients.set(item, client);
    share.items.set(item, amount);
    share.total += amount;
    this.#total += amount;
  }

  /** Makes the item the newest of its client. */
  renew(item: T): void {
    const items = this.#shares.get(this.#clients.get(item) ?? '')?.items;
    const amount = items?.get(item);
    if (amount === undefined) return;
    items?.delete(item);
    items?.set(item, amount);
  }

  delete(item: T): void {
    const client = this.#clients.get(item) ?? '';
    const share = this.#shares.get(client);
    if (share === undefined) return;
    const amount = share.items.get(item) ?? 0;
    share.total -= amount;
    this.#total -= amount;
    share.items.delete(item);
    this.#clients.delete(item);
    if (share.items.size === 0) this.#shares.delete(client);
  }

  /** Returns the items of the client, oldest first. */
  itemsOf(client: string): T[] {
    return [...(this.#shares.get(client)?.items.keys() ?? [])];
  }

  /**
   * Returns the client that holds the most. In a tie, returns `preferred` if it is among them, or
   * else the client that came first.
   */
  largest(preferred = ''): string {
    let largest = preferred;
    let most = this.#shares.get(preferred)?.total ?? 0;
    for (const [client, { total }] of this.#shares) {
      if (total <= most) continue;
      largest = client;
      most = total;
    }
    return largest;
  }
}
