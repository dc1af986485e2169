// The load client: `node load-client.mjs '{"port":…,"target":…,"connections":64,"seconds":10}'`. Plain JavaScript on plain
// sockets, so that it starts at once and takes less time for a request than the server that it drives. A closed loop: a
// slow server is asked less often, which is why latency is told beside the rate.

import { connect } from 'node:net';
import { createHistogram } from 'node:perf_hooks';
import { connect as connectTls } from 'node:tls';
import { clientTls } from './tls.mjs';

const { port, target, connections, seconds } = JSON.parse(process.argv[2]);
const { method, path, headers, body, status, isSecure = false } = target;

const lines = Object.entries({ Host: `127.0.0.1:${port}`, ...headers }).map(
  ([name, value]) => `${name}: ${value}\r\n`,
);
const length = body === '' ? '' : `Content-Length: ${Buffer.byteLength(body)}\r\n`;
const request = Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join('')}${length}\r\n${body}`);
const expected = `HTTP/1.1 ${status} `;

const latencies = createHistogram();
let connected = 0;
let answered = 0;
let startedMs = 0;
let lastMs = 0;
let busyAtStart = process.cpuUsage();

const sockets = Array.from({ length: connections }, open);

function open() {
  const socket = isSecure
    ? connectTls({ port, host: '127.0.0.1', ...clientTls })
    : connect(port, '127.0.0.1');
  socket.setNoDelay(true);
  const answer = { bytes: [], received: 0, wanted: 0, sentMs: 0 };
  socket.on(isSecure ? 'secureConnect' : 'connect', () => {
    connected++;
    if (connected === connections) start();
  });
  socket.on('data', (chunk) => receive(socket, answer, chunk));
  socket.on('error', (error) => fail(error.message));
  socket.on('close', () => fail('the server closed a connection'));
  return { socket, answer };
}

function start() {
  busyAtStart = process.cpuUsage();
  startedMs = performance.now();
  setTimeout(finish, seconds * 1000);
  for (const { socket, answer } of sockets) ask(socket, answer);
}

function ask(socket, answer) {
  answer.received = 0;
  answer.wanted = 0;
  answer.sentMs = performance.now();
  socket.write(request);
}

function receive(socket, answer, chunk) {
  if (answer.wanted === 0) readHead(answer, chunk);
  answer.received += chunk.length;
  const isWhole =
    answer.wanted === Number.POSITIVE_INFINITY
      ? chunk.subarray(-5).toString('latin1') === '0\r\n\r\n'
      : answer.received >= answer.wanted;
  if (!isWhole) return;
  lastMs = performance.now();
  answered++;
  latencies.record(Math.max(1, Math.round((lastMs - answer.sentMs) * 1000)));
  ask(socket, answer);
}

// An answer's head comes in one piece: it is much shorter than a segment on loopback.
function readHead(answer, chunk) {
  const end = chunk.indexOf('\r\n\r\n');
  const head = chunk.latin1Slice(0, end);
  if (end === -1 || !head.startsWith(expected))
    fail(`not answered with ${status}:\n${chunk.toString().slice(0, 1000)}`);
  const given = /\r\ncontent-length: (\d+)/i.exec(head);
  const bodyLength = given === null ? Number.POSITIVE_INFINITY : Number(given[1]);
  answer.wanted = status === 304 ? end + 4 : end + 4 + bodyLength;
}

// Up to the last answer, not to the end of the time: a login takes a good part of a short run, and half of one is none. And
// not before there is an answer at all.
function finish() {
  if (answered === 0) {
    setTimeout(finish, 1);
    return;
  }
  const { user, system } = process.cpuUsage(busyAtStart);
  const runMs = performance.now() - startedMs;
  const figures = {
    answers: answered,
    perSecond: (answered * 1000) / (lastMs - startedMs),
    p50Ms: latencies.percentile(50) / 1000,
    p99Ms: latencies.percentile(99) / 1000,
    clientBusy: (user + system) / 1000 / runMs,
  };
  process.stdout.write(`${JSON.stringify(figures)}\n`, () => process.exit(0));
}

function fail(reason) {
  process.stderr.write(`${method} ${path}: ${reason}\n`);
  process.exit(1);
}
