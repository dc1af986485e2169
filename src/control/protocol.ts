// What is said over the socket of the process that has the data file. The owner says who it is as soon as somebody connects;
// that is all that a lock needs. Whoever connected may ask for one thing, by name and perhaps with a value in JSON, and ends
// its side; the owner answers in a line, `ok` and JSON or `no` and the reason, and ends its own:
//
//   owner  process 4711
//   asker  user delete {"username":"matt"}
//   owner  ok {"id":1,"username":"matt"}
//
// There is no password to it: the socket has mode 0600, so only the same user and root get this far, and they could write into
// the data file itself. But whoever connects and asks for nothing must not keep the others out: a connection has a moment to
// ask, and where there are too many the next one is told `busy` instead, and comes again.
//
// An asker speaks only when it was spoken to. A process that is stopped accepts connections too, since the kernel does; what it
// found in one when it goes on would be done long after whoever asked has given up.

import { connect, createServer, type Server, type Socket } from 'node:net';
import { JotError } from '../lib/errors.ts';
import { deniedNote } from '../lib/file-access.ts';

// A username of 64 characters, each escaped, and a password's hash are well below.
const REQUEST_LENGTH_MAX = 4_096;
const SAID_LENGTH_MAX = 16_384;
const GREETING_MS_MAX = 1_000;
// An asker that lives needs far less.
const REQUEST_MS_MAX = 2_000;
const CONNECTIONS_MAX = 100;
const BUSY = 'busy';
// How a connection ends that somebody had: the other side went, or, on Linux, has a full queue of those it has not accepted.
const CUT: ReadonlySet<string | undefined> = new Set(['ECONNRESET', 'EPIPE', 'EAGAIN']);

/** An owner that did not say who it is. */
export const UNKNOWN_HOLDER = 'another process';

/** Does what another process asks for. */
export type RequestHandler = (request: string) => Promise<string>;

/** What came over the socket: who is there, and the answer. */
export interface Heard {
  readonly owner: string;
  /** Null where nothing was asked, or nobody answered. */
  readonly answer: string | null;
}

/**
 * The owner's side. An asker that asks for nothing is no reason to wait.
 *
 * @param requestMsMax How long a connection may be there without a whole request.
 */
export function createControlServer(answerer: RequestHandler, requestMsMax = REQUEST_MS_MAX): Server {
  let connections = 0;
  // The answer is given when the asker's side has ended already.
  return createServer({ allowHalfOpen: true }, (socket) => {
    connections++;
    socket.once('close', () => {
      connections--;
    });
    socket.on('error', () => socket.destroy());
    socket.write(`process ${process.pid}\n`);
    if (connections <= CONNECTIONS_MAX) return serve(socket, answerer, requestMsMax);
    // `maxConnections` would cut it without a word, and a stopped process is silent too.
    socket.end(`${BUSY}\n`);
    socket.destroySoon();
  });
}

function serve(socket: Socket, answerer: RequestHandler, requestMsMax: number): void {
  let request = '';
  const deadline = setTimeout(() => socket.destroy(), requestMsMax).unref();
  socket.once('close', () => clearTimeout(deadline));
  // A character of several bytes may come in two pieces.
  socket.setEncoding('utf8').on('data', (data) => {
    request = (request + data).slice(0, REQUEST_LENGTH_MAX + 1);
  });
  socket.once('end', async () => {
    clearTimeout(deadline);
    socket.end(request === '' ? '' : await answerTo(request, answerer));
  });
}

/**
 * The asker's side: who listens on this socket, and what it answers to a request.
 *
 * @param request Empty: only who it is.
 * @param greetingMsMax How long to wait for the first word.
 * @returns null when nobody does. Being accepted is enough to be somebody: a process that is stopped still owns the file.
 */
export function ask(path: string, request: string, greetingMsMax = GREETING_MS_MAX): Promise<Heard | null> {
  return new Promise((resolve, reject) => {
    let said = '';
    const socket = connect(path);
    socket.once('connect', () => socket.setTimeout(greetingMsMax, () => socket.destroy()));
    socket.setEncoding('utf8').once('data', () => socket.end(request === '' ? '' : `${request}\n`));
    socket.on('data', (data) => {
      said = (said + data).slice(0, SAID_LENGTH_MAX);
      // It lives: what it was asked for may take its time.
      socket.setTimeout(0);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(null);
      else if (CUT.has(error.code)) resolve(parseSaid(said));
      else reject(cantTell(error, path));
    });
    socket.once('close', (hadError) => !hadError && resolve(parseSaid(said)));
  });
}

/** Whether the owner has the request, as far as can be told from here. One that said nothing, or is busy, has not. */
export function wasAsked({ owner, answer }: Heard): boolean {
  return owner !== UNKNOWN_HOLDER && answer !== BUSY;
}

/** A request as one line. */
export function formatRequest(name: string, value?: unknown): string {
  return value === undefined ? name : `${name} ${JSON.stringify(value)}`;
}

/** @throws JotError `bad_request` when it is no such line. */
export function parseRequest(line: string): { readonly name: string; readonly value: unknown } {
  const [, name = '', json] = /^([a-z ]*[a-z])(?: (\{.*\}))?$/.exec(line) ?? [];
  try {
    return { name, value: json === undefined ? undefined : JSON.parse(json) };
  } catch {
    // The parser's own message quotes the text, and there may be a hash in it.
    throw new JotError('bad_request', 'The request is not JSON');
  }
}

async function answerTo(request: string, answerer: RequestHandler): Promise<string> {
  if (request.length > REQUEST_LENGTH_MAX) return 'no The request is too long\n';
  try {
    return `ok ${await answerer(request.trim())}\n`;
  } catch (error) {
    return `no ${(error as Error).message.replace(/\s*\n\s*/g, ' ')}\n`;
  }
}

// A line without its end is not all of it.
function parseSaid(said: string): Heard {
  const [owner = '', answer = '', ...end] = said.split('\n');
  const isWhole = end.length > 0;
  return { owner: owner === '' ? UNKNOWN_HOLDER : owner, answer: isWhole ? answer : null };
}

function cantTell(cause: Error, path: string): JotError {
  const reason = cause.message + deniedNote(cause, path);
  return new JotError('unavailable', `Can't tell who uses the data file: ${reason}`, { cause });
}
