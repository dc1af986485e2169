// Migrations: changes of the collections that a declaration cannot express. A new field needs no
// migration, since its `default` or `optional` covers older rows. Renaming, splitting or dropping a
// field needs one, and so does renaming or dropping a collection.
//
// The obvious solution rewrites the data file at the next start. That takes time in proportion to
// the file, and a crash in the middle leaves a file with rows of two shapes. Here the file stays as
// it is, and each row is converted when its line is decoded (upcasting; the code calls it lifting).
// The file's first line holds the schema, which is the number of the last migration at the time of
// writing. A later line written under another schema holds its own number. So each line can be
// lifted on its own, by a start or by a repair, and a crash needs no special handling. The next
// compaction, which rewrites every row anyway, writes the current shape.
//
// Never change or remove a published migration: older files need it. Left out: migrations of ids,
// since other rows refer to them.

/**
 * A row under an older schema, or between two migrations. A row of an export may lack secret
 * fields.
 */
export type OldRow = Readonly<Record<string, unknown>>;

export interface Migration {
  /** Number of the previous migration plus 1; the first is 1. */
  readonly number: number;
  /** One sentence for operators, in the imperative. */
  readonly summary: string;
  /**
   * Converters by the collection's name before this migration. Each returns the row in the next
   * shape, has no side effects, and keeps `id` and `version`.
   */
  readonly rows?: Readonly<Record<string, (row: OldRow) => OldRow>>;
  /**
   * New names by the collection's name before this migration; null drops the collection and its
   * rows.
   */
  readonly collections?: Readonly<Record<string, string | null>>;
}

export const migrations: readonly Migration[] = [];
