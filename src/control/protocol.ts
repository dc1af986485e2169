// The protocol of the socket of the process that holds the data file. The holder names itself as soon as a client connects; a lock
// needs no more. The client may then send one request, a name and perhaps a value in JSON, and ends its side. The holder responds in
// one line, `ok` and JSON or `no` and the reason, and ends its own side:
//
//   holder  process 4711
//   client  user delete {"username":"matt"}
//   holder  ok {"id":1,"username":"matt"}
//
// There is no password: the socket has mode 0600, so only the same user and root can connect, and they could write into the data file
// itself. But an idle connection must not block other clients: each has a moment to send its request, and past a number of
// connections the next one is told `busy` and tries again.
//
// A client sends nothing before the holder has named itself. The kernel accepts connections for a stopped process too, and a request
// that it found there when it continues would be carried out long after the client has given up.

import { connect, createServer, type Server, type Socket } from 'node:net';
import { JotError } from '../lib/errors.ts';

// A username of 64 characters, each escaped, and a password's hash are well below.
const REQUEST_LENGTH_MAX = 4_096;
const RECEIVED_LENGTH_MAX = 16_384;
const GREETING_MS_MAX = 1_000;
// A client that runs needs far less.
const REQUEST_MS_MAX = 2_000;
const CONNECTIONS_MAX = 100;
const BUSY = 'busy';
// How an established connection ends early: the other side went, or, on Linux, its accept queue is full.
const CUT: ReadonlySet<string | undefined> = new Set(['ECONNRESET', 'EPIPE', 'EAGAIN']);

/** The name of a holder that did not name itself. */
export const UNKNOWN_HOLDER = 'another process';

/** Carries out the request of another process, and resolves to JSON. */
export type RequestHandler = (request: string) => Promise<string>;

export interface ControlServer {
  readonly server: Server;
  readonly connections: ReadonlySet<Socket>;
}

export interface HolderResponse {
  /** `process 4711`. */
  readonly holder: string;
  /** Null if nothing was requested, or no whole line came. */
  readonly response: string | null;
}

/**
 * Creates the holder's side.
 *
 * @param requestMsMax How long a connection may last without a whole request.
 */
export function createControlServer(handle: RequestHandler, requestMsMax = REQUEST_MS_MAX): ControlServer {
  const connections = new Set<Socket>();
  // The client's side has ended already when the response is written.
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.write(`process ${process.pid}\n`);
    if (connections.size <= CONNECTIONS_MAX) return serve(socket, handle, requestMsMax);
    // `maxConnections` would cut it without a word, and a stopped process is silent too.
    socket.end(`${BUSY}\n`);
    socket.destroySoon();
  });
  return { server, connections };
}

function serve(socket: Socket, handle: RequestHandler, requestMsMax: number): void {
  let request = '';
  const deadline = setTimeout(() => socket.destroy(), requestMsMax).unref();
  socket.once('close', () => clearTimeout(deadline));
  // A character of several bytes may come in two pieces.
  socket.setEncoding('utf8').on('data', (data) => {
    request = (request + data).slice(0, REQUEST_LENGTH_MAX + 1);
  });
  socket.once('end', async () => {
    clearTimeout(deadline);
    socket.end(request === '' ? '' : await responseTo(request, handle));
  });
}

/**
 * The client's side: sends a request, or with an empty one only asks for the holder's name.
 *
 * @param greetingMsMax How long to wait for the name.
 * @returns null if no process listens on this socket. An accepted connection is enough: a stopped process still holds the file.
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
      // The holder runs, and its work may take any time.
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

/** Whether the holder has the request, as far as the client can know. A silent or busy holder has not. */
export function wasDelivered({ holder, response }: HolderResponse): boolean {
  return holder !== UNKNOWN_HOLDER && response !== BUSY;
}

/** Returns a request as one line. */
export function formatRequest(name: string, value?: unknown): string {
  return value === undefined ? name : `${name} ${JSON.stringify(value)}`;
}

/** @throws JotError `bad_request` if the line is no request. */
export function parseRequest(line: string): { readonly name: string; readonly value: unknown } {
  const [, name = '', json] = /^([a-z ]*[a-z])(?: (\{.*\}))?$/.exec(line) ?? [];
  try {
    return { name, value: json === undefined ? undefined : JSON.parse(json) };
  } catch {
    // V8's own message quotes the text, and there may be a hash in it.
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

// A line without its end was cut off.
function parseResponse(received: string): HolderResponse {
  const [holder = '', response = '', ...end] = received.split('\n');
  return { holder: holder === '' ? UNKNOWN_HOLDER : holder, response: end.length > 0 ? response : null };
}

function connectFailure(cause: Error): JotError {
  return new JotError('unavailable', `Can't tell who uses the data file: ${cause.message}`, { cause });
}
