// Turns the request into the argument of the handler: validated parameters, query and body. The
// body is read only here, after the caller is known and authorized, so an unknown client cannot
// make the server buffer it.

import type { Backlog } from '../http/backlog.ts';
import { hasBody, readBody } from '../http/body.ts';
import { parseForm } from '../http/form.ts';
import { mediaOf } from '../http/media.ts';
import type { TurnQueue } from '../http/turn-queue.ts';
import { BoundedMap } from '../lib/bounded-map.ts';
import { JotError } from '../lib/errors.ts';
import { copyOf } from '../lib/text-bytes.ts';
import { type Type, validate } from '../schema/schema.ts';
import { requireFresh } from './authorize.ts';
import { perEndpoint } from './endpoint.ts';
import { type Authorized, advance, type Valid } from './journey.ts';

// Number of validated queries that are kept, and their maximum length.
const QUERIES_MAX = 100;
const QUERY_LENGTH_MAX = 100;
// Parsing a longer body takes most of a millisecond.
const LONG_BODY_BYTES = 8 * 1024;

export interface ValidateOptions {
  readonly bodyBytesMax: number;
  /** Spreads long bodies over event-loop turns, so that a short request does not wait for several. */
  readonly bodyTurns: TurnQueue;
  readonly backlog: Backlog;
}

export function createValidate(options: ValidateOptions) {
  // Most queries repeat an earlier one, most often the empty query.
  const queriesOf = perEndpoint(() => new BoundedMap<string, unknown>(QUERIES_MAX));
  const queryOf = ({ endpoint, query }: Authorized): unknown => {
    const queries = queriesOf(endpoint);
    const known = queries.get(query);
    if (known !== undefined) return known;
    const values = Object.freeze(validate(endpoint.query, parseForm(query), 'text'));
    if (query.length <= QUERY_LENGTH_MAX) queries.set(copyOf(query), values);
    return values;
  };

  return (authorized: Authorized): Valid | Promise<Valid> => {
    const { endpoint, request } = authorized;
    // RFC 9110 §14.5: a partial PUT must not replace the whole resource.
    if (endpoint.method === 'PUT' && request.headers['content-range'] !== undefined) {
      throw new JotError('bad_request', 'A partial PUT (Content-Range) is not supported');
    }
    const query = queryOf(authorized);
    if (endpoint.body === undefined) return withCall(authorized, query, undefined);
    return readValidBody(authorized, endpoint.body, options).then((body) =>
      withCall(authorized, query, body),
    );
  };
}

function withCall(authorized: Authorized, query: unknown, body: unknown): Valid {
  const { params, principal, parents, address, request } = authorized;
  const client = { address, userAgent: request.headers['user-agent'] ?? '' };
  const call = { params, query, body, principal, parents, client, ifVersion: undefined };
  return advance(authorized, { call });
}

async function readValidBody<T>(
  { request, response, endpoint, principal, trace, address }: Authorized,
  type: Type<T>,
  { bodyBytesMax, bodyTurns, backlog }: ValidateOptions,
): Promise<T> {
  if (!hasBody(request)) return validate(type, {});
  const media = mediaOf(request.headers);
  // The server holds unfinished bodies, so a client that never finishes them is bounded here.
  const bytesHeld = Math.min(Number(request.headers['content-length'] ?? bodyBytesMax), bodyBytesMax);
  if (bytesHeld > LONG_BODY_BYTES) {
    backlog.hold({ socket: request.socket, address, bytes: bytesHeld, until: response });
  }
  const bytes = await readBody(request, response, bodyBytesMax);
  if (bytes.length > LONG_BODY_BYTES) await bodyTurns.next(bytes.length);
  trace?.because(`${bytes.length} bytes`);
  const fields = bytes.length === 0 ? {} : media.parse(bytes);
  if (endpoint.fresh !== true && endpoint.fresh?.some((name) => Object.hasOwn(fields, name))) {
    requireFresh(principal);
  }
  return validate(type, fields, media.source);
}
