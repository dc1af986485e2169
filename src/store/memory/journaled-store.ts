// A store that keeps its rows in memory and its changes in a journal. What the journal is makes the difference between
// `memory:`, where it does nothing, and `file:`, where it is a file.
//
// Writes are worked out one batch at a time: while one batch is on its way to the disk, the next one only gathers. So a
// write is never worked out on top of another that may still fail, all that wait share one trip to the disk (group
// commit), and a lone write waits for nobody. Only what the journal has made durable is applied to the tables that
// reads see. When a batch fails, its draft is dropped, and everyone in it is told: even a conflict in it may have been
// with a row that now never was.

import { setImmediate as turn } from 'node:timers/promises';
import { JotError } from '../../lib/errors.ts';
import { heapShare } from '../../lib/heap.ts';
import type { Metric } from '../../lib/metric.ts';
import type { Page } from '../../lib/page.ts';
import { textBytes } from '../../lib/text-bytes.ts';
import type { Capacity } from '../capacity.ts';
import {
  type CollectionName,
  collectionNames,
  type Entity,
  type Id,
  type NewRows,
  type Rows,
} from '../collections.ts';
import type {
  Compaction,
  ListQuery,
  Operation,
  Repositories,
  Repository,
  Store,
  StoreStatus,
  UpdateOptions,
} from '../store.ts';
import { Draft } from './draft.ts';
import { isFull, STORE_FULL, usageOf } from './room.ts';
import { rowBytes } from './row-bytes.ts';
import type { Change, Tables } from './tables.ts';

// The whole batch is in memory as JSON, which may be six times as long as the rows.
const BATCH_WRITES_MAX = 1024;
const BATCH_BYTES_MAX = 2 * 1024 * 1024;
/** Maximum heap bytes of the texts in writes that wait; a larger write waits alone. */
export const WAITING_BYTES_MAX = heapShare(1 / 16, 64 * 1024 * 1024);
const RETRY_AFTER_SECONDS = 1;

/** Where changes become durable, and then visible. */
export interface Journal {
  /**
   * Resolves once all of the changes are durable and the tables show them.
   *
   * @throws JotError `unavailable`, and then none of them is there.
   */
  append(changes: readonly Change[]): Promise<void>;
  /** Default none. */
  readonly metrics?: readonly Metric[];
  status(): Promise<StoreStatus>;
  compact(): Promise<Compaction>;
  close(): Promise<void>;
}

interface Outcome {
  readonly change: Change;
  readonly row: Entity | null;
  readonly error?: unknown;
}

interface Waiting {
  /** Heap bytes of its texts. */
  readonly bytes: number;
  readonly operations: readonly Operation[];
  readonly resolve: (row: Entity | null) => void;
  readonly reject: (error: unknown) => void;
}

interface Drafted extends Outcome {
  readonly write: Waiting;
}

/** A store on these tables, which it owns from now on. */
export function createTableStore(tables: Tables, journal: Journal, capacity: Capacity): Store {
  const writer = new Writer(tables, journal, capacity);
  const repositories = collectionNames.map((name) => [name, repository(name, tables, writer)]);
  return {
    ...(Object.fromEntries(repositories) as unknown as Repositories),
    metrics: journal.metrics ?? [],
    write: async (operations) => void (await writer.write(operations)),
    usage: async (user) => usageOf(tables, capacity, user),
    status: () => writer.status(),
    compact: () => journal.compact(),
    close: () => writer.close(),
  };
}

class Writer {
  readonly #tables: Tables;
  readonly #journal: Journal;
  readonly #capacity: Capacity;
  readonly #waiting: Waiting[] = [];
  /** Heap bytes of the texts in writes that wait or are on their way to the journal. */
  #waitingBytes = 0;
  #flushing: Promise<void> | null = null;
  #isPurging = false;
  #closing: Promise<void> | null = null;

  constructor(tables: Tables, journal: Journal, capacity: Capacity) {
    this.#tables = tables;
    this.#journal = journal;
    this.#capacity = capacity;
    void this.#purge();
  }

  /** @returns the row that the last operation put. */
  write(operations: readonly Operation[]): Promise<Entity | null> {
    return new Promise((resolve, reject) => {
      if (this.#closing !== null) return reject(new JotError('unavailable', 'The store is closed'));
      const bytes = textBytesOf(operations);
      if (this.#waitingBytes > 0 && this.#waitingBytes + bytes > WAITING_BYTES_MAX) return reject(busy());
      this.#waitingBytes += bytes;
      this.#waiting.push({ bytes, operations, resolve, reject });
      this.#flushing ??= this.#flush();
    });
  }

  async status(): Promise<StoreStatus> {
    if (this.#closing !== null) return { ok: false, reason: 'The store is closed' };
    const status = await this.#journal.status();
    return status.ok && isFull(this.#tables, this.#capacity) ? { ok: false, reason: STORE_FULL } : status;
  }

  close(): Promise<void> {
    this.#closing ??= this.#finish();
    return this.#closing;
  }

  async #finish(): Promise<void> {
    await this.#flushing;
    await this.#journal.close();
  }

  async #flush(): Promise<void> {
    // Whoever is as far as the first one gets into its batch, instead of waiting for the disk twice.
    await null;
    while (this.#waiting.length > 0) await this.#commit();
    this.#flushing = null;
  }

  // Bounded by the rows put, not by the operations: an update of a title puts the whole post.
  #draftBatch(): Drafted[] {
    const draft = new Draft(this.#tables, this.#capacity);
    const batch: Drafted[] = [];
    for (let bytes = 0; batch.length < BATCH_WRITES_MAX && bytes < BATCH_BYTES_MAX; ) {
      const write = this.#waiting[batch.length];
      if (write === undefined) break;
      const outcome = attempt(draft, write.operations);
      batch.push({ write, ...outcome });
      for (const effect of outcome.change) if ('put' in effect) bytes += rowBytes(effect.put, effect.row);
    }
    this.#waiting.splice(0, batch.length);
    return batch;
  }

  async #commit(): Promise<void> {
    const batch = this.#draftBatch();
    const changes = batch.map(({ change }) => change).filter((change) => change.length > 0);
    try {
      if (changes.length > 0) await this.#journal.append(changes);
    } catch (error) {
      for (const { write } of batch) write.reject(error);
      return;
    } finally {
      for (const { write } of batch) this.#waitingBytes -= write.bytes;
    }
    for (const { write, row, error } of batch) {
      if (error === undefined) write.resolve(row);
      else write.reject(error);
    }
    void this.#purge();
  }

  // Purges a few rows in each event-loop turn, so that requests are served in between.
  async #purge(): Promise<void> {
    if (this.#isPurging) return;
    this.#isPurging = true;
    while (this.#closing === null && this.#tables.purge() > 0) await turn();
    this.#isPurging = false;
  }
}

// The texts are what can be long.
function textBytesOf(operations: readonly Operation[]): number {
  let bytes = 0;
  for (const operation of operations) {
    const values = 'create' in operation ? operation.values : 'update' in operation && operation.change;
    for (const value of Object.values(values)) if (typeof value === 'string') bytes += textBytes(value);
  }
  return bytes;
}

function busy(): JotError {
  return new JotError('unavailable', 'Too many writes are waiting for the disk', {
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  });
}

function attempt(draft: Draft, operations: readonly Operation[]): Outcome {
  try {
    return draft.run(operations);
  } catch (error) {
    return { change: [], row: null, error };
  }
}

// One implementation for every collection. Rows of the collection `Name` have the type `Rows[Name]`: that is what put
// them there, and the casts say no more than that.
function repository<Name extends CollectionName>(
  name: Name,
  tables: Tables,
  writer: Writer,
): Repository<Rows[Name], NewRows[Name]> {
  type Row = Rows[Name];
  const write = async (operation: object, guards: readonly Operation[] = []) =>
    (await writer.write([...guards, operation as Operation])) as Row;
  const find = (id: Id) => (tables.find(name, id) as Row | undefined) ?? null;
  return {
    find: async (id) => find(id),
    get: async (id) => {
      const row = find(id);
      if (row === null) throw new JotError('not_found', 'There is nothing here (any more)');
      return row;
    },
    findBy: async (index, key, formerKey) => {
      const id = tables.findId(name, index, key, formerKey);
      return id === undefined ? null : find(id);
    },
    list: async (query: ListQuery) => tables.list(name, query) as Page<Row>,
    create: (values, { guards } = {}) => write({ create: name, values }, guards),
    update: (id, change, { guards, ...options }: UpdateOptions = {}) =>
      write({ update: name, id, change, ...options }, guards),
    remove: async (id, { guards, ifVersion } = {}) =>
      void (await write({ remove: name, id, ifVersion }, guards)),
    revision: async (owner) => tables.revision(name, owner),
    count: async () => tables.count(name),
  };
}
