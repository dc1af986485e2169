// A slice of a list that is ordered by id: what a store gives, and what becomes an array and a `Link` outside.

export interface Page<Row> {
  readonly rows: readonly Row[];
  /** The id to continue after; null at the end. */
  readonly next: number | null;
}
