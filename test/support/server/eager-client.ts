// A client that sends its whole body without reading, as simple clients do. It is a process of its own, since in the
// server's process the two would take turns. Prints the status of each response, or the error.
//   node eager-client.ts <port> <path> <bytes> <expect, or nothing> <requests>

import { connect } from 'node:net';

const [port = '', path = '', bytes = '', expect = '', requests = ''] = process.argv.slice(2);

const lines = [
  `POST ${path} HTTP/1.1`,
  'Host: localhost',
  'Content-Type: application/json',
  `Content-Length: ${bytes}`,
];
const head = [...lines, ...(expect === '' ? [] : [`Expect: ${expect}`]), '\r\n'].join('\r\n');

const outcomes: string[] = [];
for (let count = 0; count < Number(requests); count++) outcomes.push(await sendOne());
process.stdout.write(`${JSON.stringify(outcomes)}\n`);

function sendOne(): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(Number(port), '127.0.0.1');
    let received = '';
    let failure = 'nothing';
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      failure = error.code ?? error.message;
    });
    socket.on('close', () => resolve(/^HTTP\/1\.1 (\d{3}) /.exec(received)?.[1] ?? failure));
    socket.write(head);
    socket.end(Buffer.alloc(Number(bytes), 'x'));
  });
}
