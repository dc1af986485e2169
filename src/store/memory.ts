// The store that forgets: everything the file store does, but for the file. For tests and for trying things out.

import type { Store } from './store.ts';
import { createTableStore, type Journal } from './table-store.ts';
import { Tables } from './tables.ts';

const nowhere: Journal = {
  append: async () => undefined,
  status: () => ({ ok: true }),
  close: async () => undefined,
};

/** An empty store that is gone with the process. */
export function openMemoryStore(): Store {
  return createTableStore(new Tables(), nowhere);
}
