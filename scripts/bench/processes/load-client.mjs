// `node load-client.mjs '{"port":3000,"tls":null,"target":…,"seconds":10}'` repeats a request on
// each of its connections, as soon as the previous response is complete. It uses plain sockets,
// since autocannon is slower than bare `node:http`.

import { once } from 'node:events';
import { connect } from 'node:net';
import { createHistogram } from 'node:perf_hooks';
import { connect as connectTls } from 'node:tls';

const { port, tls, target, seconds } = JSON.parse(process.argv[2]);
const { connections, method, path, headers, body, status } = target;

const length = body === '' ? {} : { 'Content-Length': Buffer.byteLength(body) };
const fields = { Host: `127.0.0.1:${port}`, ...headers, ...length };
const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
const request = Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body}`);

const latencies = createHistogram();
let responses = 0;
let lastMs = 0;

const sockets = await Promise.all(Array.from({ length: connections }, open));
const cpuAtStart = process.cpuUsage();
const startMs = performance.now();
setTimeout(finish, seconds * 1000);
for (const socket of sockets) drive(socket);

async function open() {
  const options = { port, host: '127.0.0.1' };
  const socket = tls === null ? connect(options) : connectTls({ ...options, ...tls });
  socket.setNoDelay(true).once('close', () => {
    throw new Error(`${method} ${path}: the server closed a connection`);
  });
  await once(socket, tls === null ? 'connect' : 'secureConnect');
  return socket;
}

function drive(socket) {
  let sentMs = 0;
  let missingBytes = 0;
  const send = () => {
    sentMs = performance.now();
    socket.write(request);
  };
  socket.on('data', (chunk) => {
    if (missingBytes === 0) missingBytes = responseBytes(chunk);
    missingBytes -= chunk.length;
    if (missingBytes > 0) return;
    lastMs = performance.now();
    responses++;
    latencies.record(Math.max(1, Math.round((lastMs - sentMs) * 1000)));
    send();
  });
  send();
}

// The head arrives in one chunk: it is much shorter than a segment on loopback.
function responseBytes(chunk) {
  const end = chunk.indexOf('\r\n\r\n');
  const head = chunk.latin1Slice(0, end);
  const bodyBytes = status === 304 ? 0 : Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1]);
  if (head.startsWith(`HTTP/1.1 ${status} `) && bodyBytes >= 0) return end + 4 + bodyBytes;
  throw new Error(`${method} ${path}: expected ${status} with a length; got ${chunk.toString()}`);
}

// The time ends at the last response, since a login takes a large part of a short run.
function finish() {
  if (responses === 0) return setTimeout(finish, 1);
  const { user, system } = process.cpuUsage(cpuAtStart);
  const figures = {
    responses,
    perSecond: (responses * 1000) / (lastMs - startMs),
    p99Ms: latencies.percentile(99) / 1000,
    clientBusy: (user + system) / 1000 / (performance.now() - startMs),
  };
  process.stdout.write(`${JSON.stringify(figures)}\n`, () => process.exit(0));
}
