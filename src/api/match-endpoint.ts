// Finds the endpoint for a path and method. If the schema rejects a parameter, the path does not
// exist, as with Flask's `<int:id>`: `/users/007` is not the path of any user, so every caller gets
// 404.

import { withoutBase } from '../http/base-path.ts';
import { JotError } from '../lib/errors.ts';
import { type Params, Router } from '../routing/router.ts';
import { validate } from '../schema/schema.ts';
import type { Endpoint } from './endpoint.ts';
import { advance, type Incoming, type Matched } from './journey.ts';

type Found =
  | { readonly endpoint: Endpoint; readonly params: unknown }
  | { readonly allow: readonly string[] };

export type Routes = ReturnType<typeof createRoutes>;

export interface RoutesOptions {
  readonly endpoints: readonly Endpoint[];
  /** Thrown if there is no endpoint; null for a 404. */
  readonly elsewhere: JotError | null;
  /** Optional prefix of every path; '' for none. */
  readonly basePath: string;
}

export function createRoutes({ endpoints, elsewhere, basePath }: RoutesOptions) {
  const router = new Router<Endpoint>();
  for (const endpoint of endpoints) router.add(endpoint.method, endpoint.path, endpoint);

  return {
    /** @throws JotError `bad_request`, `not_found`, `method_not_allowed`. */
    route(incoming: Incoming): Matched {
      const found = find(incoming.method, incoming.path);
      if ('allow' in found) {
        const { allow } = found;
        throw new JotError('method_not_allowed', `Allowed methods: ${allow.join(', ')}`, { allow });
      }
      incoming.trace?.because(`${found.endpoint.method} ${found.endpoint.path}`);
      return advance(incoming, found);
    },

    /** The methods of a path. @throws JotError `bad_request`, `not_found`. */
    allowedMethods(path: string): readonly string[] {
      if (path === '*') return [...new Set(endpoints.map(({ method }) => method)), 'HEAD', 'OPTIONS'].sort();
      // No endpoint has the method OPTIONS, so the router returns the methods of the path.
      const found = find('OPTIONS', path);
      return 'allow' in found ? found.allow : [];
    },

    /** The GET on an endpoint's path. */
    getterOf({ path }: Endpoint): Endpoint | null {
      return endpoints.find((other) => other.method === 'GET' && other.path === path) ?? null;
    },
  };

  // The path is first tried as it is. With the base `/users`, a proxy strips `/users/users/1` to
  // `/users/1`.
  function find(method: string, path: string): Found {
    const below = withoutBase(path, basePath);
    const found = search(method, path) ?? (below === null ? null : search(method, below, true));
    if (found === null) throw elsewhere ?? notFound();
    return found;
  }

  // The operator's endpoints exist at one path only, which a proxy can refuse.
  function search(method: string, path: string, isBelow = false): Found | null {
    const match = matchOrThrow(method, path);
    if (match === null) return null;
    if ('value' in match) {
      const isHidden = isBelow && match.value.access.kind === 'operator';
      return isHidden ? null : withParams(match.value, match.params);
    }
    // The path exists only if its parameters are valid. All endpoints of a path check them alike,
    // so any endpoint will do.
    const any = match.allow.find((allowed) => allowed !== 'HEAD' && allowed !== 'OPTIONS') ?? '';
    return search(any, path, isBelow) === null ? null : match;
  }

  function matchOrThrow(method: string, path: string) {
    try {
      return router.match(method, path);
    } catch {
      throw new JotError('bad_request', 'A percent escape in the path is malformed or not UTF-8');
    }
  }
}

function withParams(endpoint: Endpoint, params: Params): Found | null {
  try {
    return { endpoint, params: validate(endpoint.params, params, 'text') };
  } catch {
    return null;
  }
}

function notFound(): JotError {
  return new JotError('not_found', 'There is nothing at this address');
}
