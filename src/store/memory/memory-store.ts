// The store that forgets: everything the file store does, but for the file. For tests and for trying things out.

import { DEFAULT_CAPACITY } from '../capacity.ts';
import type { Store } from '../store.ts';
import { createTableStore, type Journal } from './journaled-store.ts';
import { Tables } from './tables.ts';

/** An empty store that is gone with the process. */
export function openMemoryStore(
  capacity = DEFAULT_CAPACITY,
  tables = new Tables({ rowsMax: capacity.rows }),
): Store {
  return createTableStore(tables, nowhere(tables), capacity);
}

function nowhere(tables: Tables): Journal {
  return {
    append: async (changes) => tables.apply(changes),
    status: async () => ({ ok: true }),
    compact: async () => ({ bytesBefore: 0, bytesAfter: 0 }),
    close: async () => undefined,
  };
}
