// A page: a slice of a list in the order of ids. A store returns it, and a response shows it as an
// array and a `Link`.

export interface Page<Row> {
  readonly rows: readonly Row[];
  /** The id to continue after; null at the end. */
  readonly next: number | null;
}
