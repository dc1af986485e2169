// The declaration of a metric. Any part of Jot, such as a store, can declare metrics without
// depending on `/metrics`, and `/metrics` lists them without depending on that part.

/** A gauge, or a counter if the name ends in `_total`. `/metrics` reads it on each request. */
export interface Metric {
  /** In the conventions of Prometheus: with the unit last, in bytes or seconds. */
  readonly name: string;
  readonly help: string;
  /** Returns the value, or values by label: `{ 'limit="auth"': 3 }`. */
  readonly read: () => number | Promise<number> | Readonly<Record<string, number>>;
}
