// Finds the endpoint for a path and method. If the schema rejects a parameter, the path does not
// exist, as with Flask's `<int:id>`: `/users/007` is not the path of any user, so every caller gets
// 404.

import { JotError } from '../lib/errors.ts';
import { type Params, Router } from '../routing/router.ts';
import { validate } from '../schema/schema.ts';
import type { Endpoint } from './endpoint.ts';
import { advance, type Incoming, type Matched } from './journey.ts';

type Found =
  | { readonly endpoint: Endpoint; readonly params: unknown }
  | { readonly allow: readonly string[] };

export type Routes = ReturnType<typeof createRoutes>;

/** @param elsewhere Thrown if there is no endpoint; null for a 404. */
export function createRoutes(endpoints: readonly Endpoint[], elsewhere: JotError | null) {
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

  function find(method: string, path: string): Found {
    const match = matchOrThrow(method, path);
    if (match === null) throw elsewhere ?? notFound();
    if ('value' in match) return { endpoint: match.value, params: readParams(match.value, match.params) };
    // The path exists only if its parameters are valid. All endpoints of a path check them alike,
    // so any endpoint will do.
    find(match.allow.find((allowed) => allowed !== 'HEAD' && allowed !== 'OPTIONS') ?? '', path);
    return match;
  }

  function matchOrThrow(method: string, path: string) {
    try {
      return router.match(method, path);
    } catch {
      throw new JotError('bad_request', 'A percent escape in the path is malformed or not UTF-8');
    }
  }
}

function readParams(endpoint: Endpoint, params: Params): unknown {
  try {
    return validate(endpoint.params, params, 'text');
  } catch {
    throw notFound();
  }
}

function notFound(): JotError {
  return new JotError('not_found', 'There is nothing at this address');
}
