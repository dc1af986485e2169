// The router: a tree with one level per path segment. The obvious solution, a list of patterns
// tried in order, slows down with every route. In the tree, finding a path takes time in proportion
// to its length. A level has its static segments by name, and at most one branch for a parameter.
//
// `/users/:id` and `/users/:user_id/posts` share the branch under `/users`, since the name of a
// parameter belongs to the pattern and not to the tree. Two patterns conflict if they match the
// same paths.

export type Params = Readonly<Record<string, string>>;

/**
 * The route for path and method; the methods of the path if only those exist; null if there is no
 * such path.
 */
export type Match<T> = { readonly value: T; readonly params: Params } | { readonly allow: string[] } | null;

interface Route<T> {
  readonly value: T;
  readonly pattern: string;
  /** Which segment each parameter is. */
  readonly indexes: readonly (readonly [name: string, index: number])[];
}

interface Level<T> {
  readonly statics: Map<string, Level<T>>;
  any: Level<T> | null;
  readonly routes: Map<string, Route<T>>;
}

export class Router<T> {
  readonly #root: Level<T> = emptyLevel();

  /**
   * @param pattern `/users/:user_id/posts/:id`; a static segment beats a parameter.
   * @throws TypeError for a malformed pattern, and for one that conflicts with another of this method.
   */
  add(method: string, pattern: string, value: T): void {
    if (!/^(\/|(\/[^/?#%]+)+)$/.test(pattern)) throw new TypeError(`Not a pattern: ${pattern}`);
    const indexes: [name: string, index: number][] = [];
    let level = this.#root;
    for (const [index, segment] of pattern.slice(1).split('/').entries()) {
      const name = segment.startsWith(':') ? segment.slice(1) : null;
      level = name === null ? staticLevel(level, segment) : anyLevel(level);
      if (name === null) continue;
      if (name === '' || indexes.some(([other]) => other === name))
        throw new TypeError(`Parameters need names of their own: ${pattern}`);
      indexes.push([name, index]);
    }
    const other = level.routes.get(method);
    if (other !== undefined) throw new TypeError(`${method} ${pattern} conflicts with ${other.pattern}`);
    level.routes.set(method, { value, pattern, indexes });
  }

  /**
   * Finds the route of a path as it stands in the request target, without its query. The path is
   * split before its segments are percent-decoded, so `%2F` does not start a new segment. HEAD
   * falls back to the route of GET.
   */
  match(method: string, path: string): Match<T> {
    if (!path.startsWith('/')) return null;
    const segments = segmentsOf(path);
    const route = findRoute(this.#root, segments, 0, method);
    if (route !== undefined) return { value: route.value, params: paramsOf(route, segments) };
    const methods = leaves(this.#root, segments, 0).flatMap((level) => [...level.routes.keys()]);
    return methods.length === 0 ? null : { allow: allowed(methods) };
  }
}

function emptyLevel<T>(): Level<T> {
  return { statics: new Map(), any: null, routes: new Map() };
}

function anyLevel<T>(level: Level<T>): Level<T> {
  level.any ??= emptyLevel();
  return level.any;
}

function staticLevel<T>(level: Level<T>, segment: string): Level<T> {
  const next = level.statics.get(segment) ?? emptyLevel<T>();
  level.statics.set(segment, next);
  return next;
}

function segmentsOf(path: string): string[] {
  const segments = path.slice(1).split('/');
  return path.includes('%') ? segments.map(decodeURIComponent) : segments;
}

// A static segment is tried before a parameter.
function findRoute<T>(
  level: Level<T>,
  segments: readonly string[],
  depth: number,
  method: string,
): Route<T> | undefined {
  const segment = segments[depth];
  if (segment === undefined) {
    return level.routes.get(method) ?? (method === 'HEAD' ? level.routes.get('GET') : undefined);
  }
  const named = level.statics.get(segment);
  const found = named && findRoute(named, segments, depth + 1, method);
  if (found !== undefined || level.any === null || segment === '') return found;
  return findRoute(level.any, segments, depth + 1, method);
}

// Returns every level at which the path may end.
function leaves<T>(level: Level<T>, segments: readonly string[], depth: number): Level<T>[] {
  const segment = segments[depth];
  if (segment === undefined) return [level];
  const named = level.statics.get(segment);
  const found = named === undefined ? [] : leaves(named, segments, depth + 1);
  if (level.any === null || segment === '') return found;
  return [...found, ...leaves(level.any, segments, depth + 1)];
}

// No prototype, so that a parameter named `constructor` is an ordinary one.
function paramsOf<T>({ indexes }: Route<T>, segments: readonly string[]): Params {
  const params: Record<string, string> = Object.create(null);
  for (const [name, index] of indexes) params[name] = segments[index] ?? '';
  return params;
}

function allowed(methods: readonly string[]): string[] {
  const all = new Set([...methods, 'OPTIONS']);
  if (all.has('GET')) all.add('HEAD');
  return [...all].sort();
}
