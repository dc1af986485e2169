// The protocol of the control socket. The holder sends its name as soon as a client connects; the
// lock needs no more. The client may then send one request, a name and optionally a value in JSON,
// and ends its side. The holder responds with one line, `ok` and JSON or `no` and the reason, and
// ends its side:
//
//   holder  process 4711
//   client  user delete {"username":"matt"}
//   holder  ok {"id":1,"username":"matt"}
//
// There is no password. The socket has mode 0600, so only the same user and root can connect, and
// they could write to the data file anyway. But an idle connection must not block other clients. So
// each connection has a deadline for its request, and above a maximum number of connections the
// holder responds `busy`, and the client retries.
//
// A client sends nothing before it has read the name of the holder. The kernel accepts connections
// for a stopped process too. Once continued, that process would execute a request long after the
// client has given up.

import { connect, createServer, type Server, type Socket } from 'node:net';
import { JotError } from '../lib/errors.ts';

// A username of 64 escaped characters and a password hash are far shorter.
const REQUEST_LENGTH_MAX = 4_096;
const RECEIVED_LENGTH_MAX = 16_384;
const GREETING_MS_MAX = 1_000;
// A running client needs far less.
const REQUEST_MS_MAX = 2_000;
const CONNECTIONS_MAX = 100;
const BUSY = 'busy';
// Errors of an established connection that ends early: the other side has closed it, or, on Linux,
// its accept queue is full.
const CUT: ReadonlySet<string | undefined> = new Set(['ECONNRESET', 'EPIPE', 'EAGAIN']);

/** The name used for a holder that did not send one. */
export const UNKNOWN_HOLDER = 'another process';

/** Executes a request of another process, and resolves to JSON. */
export type RequestHandler = (request: string) => Promise<string>;

export interface ControlServer {
  readonly server: Server;
  readonly connections: ReadonlySet<Socket>;
}

export interface HolderResponse {
  /** `process 4711`. */
  readonly holder: string;
  /** Null if no request was sent, or if the response is incomplete. */
  readonly response: string | null;
}

/**
 * Creates the holder's side.
 *
 * @param requestMsMax Maximum time for a connection to send a complete request, in milliseconds.
 */
export function createControlServer(handle: RequestHandler, requestMsMax = REQUEST_MS_MAX): ControlServer {
  const connections = new Set<Socket>();
  // The client's side has already ended when the response is written.
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.write(`process ${process.pid}\n`);
    if (connections.size <= CONNECTIONS_MAX) return serve(socket, handle, requestMsMax);
    // No `maxConnections`: it would close the connection silently, and a stopped process is silent
    // too.
    socket.end(`${BUSY}\n`);
    socket.destroySoon();
  });
  return { server, connections };
}

function serve(socket: Socket, handle: RequestHandler, requestMsMax: number): void {
  let request = '';
  const deadline = setTimeout(() => socket.destroy(), requestMsMax).unref();
  socket.once('close', () => clearTimeout(deadline));
  // `setEncoding`, since a character of several bytes may arrive in two chunks.
  socket.setEncoding('utf8').on('data', (data) => {
    request = (request + data).slice(0, REQUEST_LENGTH_MAX + 1);
  });
  socket.once('end', async () => {
    clearTimeout(deadline);
    socket.end(request === '' ? '' : await responseTo(request, handle));
  });
}

/**
 * The client's side: sends a request, or only reads the holder's name if the request is empty.
 *
 * @param greetingMsMax Maximum wait for the name in milliseconds.
 * @returns null if no process listens on this socket. An accepted connection is enough for a
 * holder: a stopped process still holds the file.
 */
export function ask(
  path: string,
  request: string,
  greetingMsMax = GREETING_MS_MAX,
): Promise<HolderResponse | null> {
  return new Promise((resolve, reject) => {
    let received = '';
    const socket = connect(path);
    socket.once('connect', () => socket.setTimeout(greetingMsMax, () => socket.destroy()));
    socket.setEncoding('utf8').once('data', () => socket.end(request === '' ? '' : `${request}\n`));
    socket.on('data', (data) => {
      received = (received + data).slice(0, RECEIVED_LENGTH_MAX);
      // The holder is running, and its work may take any time.
      socket.setTimeout(0);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(null);
      else if (CUT.has(error.code)) resolve(parseResponse(received));
      else reject(connectFailure(error));
    });
    socket.once('close', (hadError) => !hadError && resolve(parseResponse(received)));
  });
}

/**
 * Returns whether the request was delivered, as far as the client can know. A silent or busy holder
 * has not received it.
 */
export function wasDelivered({ holder, response }: HolderResponse): boolean {
  return holder !== UNKNOWN_HOLDER && response !== BUSY;
}

/** Formats a request as one line. */
export function formatRequest(name: string, value?: unknown): string {
  return value === undefined ? name : `${name} ${JSON.stringify(value)}`;
}

/** @throws JotError `bad_request` if the line is not a request. */
export function parseRequest(line: string): { readonly name: string; readonly value: unknown } {
  const [, name = '', json] = /^([a-z ]*[a-z])(?: (\{.*\}))?$/.exec(line) ?? [];
  try {
    return { name, value: json === undefined ? undefined : JSON.parse(json) };
  } catch {
    // V8's message quotes the text, which may hold a hash.
    throw new JotError('bad_request', 'The request is not JSON');
  }
}

async function responseTo(request: string, handle: RequestHandler): Promise<string> {
  if (request.length > REQUEST_LENGTH_MAX) return 'no The request is too long\n';
  try {
    return `ok ${await handle(request.trim())}\n`;
  } catch (error) {
    return `no ${(error as Error).message.replace(/\s*\n\s*/g, ' ')}\n`;
  }
}

// A line without a newline was cut off.
function parseResponse(received: string): HolderResponse {
  const [holder = '', response = '', ...end] = received.split('\n');
  return { holder: holder === '' ? UNKNOWN_HOLDER : holder, response: end.length > 0 ? response : null };
}

function connectFailure(cause: Error): JotError {
  return new JotError('unavailable', `Cannot determine which process uses the data file: ${cause.message}`, {
    cause,
  });
}
