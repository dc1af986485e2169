// Changes of the collections that a declaration can't express. A new field needs none: `default` or `optional` says what the
// rows from before it have. A migration renames, splits or drops a field, or renames or drops a collection.
//
// The obvious way is to rewrite the data at the next start. It takes as long as the file is large, and a crash in the middle
// leaves a file of two shapes. Here the file stays as it is, and rows are lifted when their line is decoded (upcasting). The
// first line of a file holds its schema: the number of the last migration when it was written. A later line that was written
// under another schema holds its own. So each line can be lifted alone, by a start as well as by a repair, and a crash at any
// time needs no handling. The next compaction, which writes every row anyway, writes today's shape; like any compaction it
// leaves either the old file or the new one.
//
// A published migration is never changed or removed: older files need it. Migrations of ids are left out, since other rows
// refer to them.

/** A row under an older schema, or in between. An export may lack secret fields. */
export type OldRow = Readonly<Record<string, unknown>>;

export interface Migration {
  /** One more than that of the migration before it; the first is 1. */
  readonly number: number;
  /** One sentence for operators, in the imperative. */
  readonly summary: string;
  /** By the collection's name before this migration: returns a row in the next shape. Pure, and keeps `id` and `version`. */
  readonly rows?: Readonly<Record<string, (row: OldRow) => OldRow>>;
  /** By the collection's name before this migration: its new name, or null if the collection is dropped with its rows. */
  readonly collections?: Readonly<Record<string, string | null>>;
  /** The same change as SQL statements, for a store in a database. */
  readonly sql?: readonly string[];
}

export const migrations: readonly Migration[] = [];
