// The measure of all servers: `node:http` with a handler that does nothing. `node bare-server.mjs <status> <file>` answers
// every request with that status and the file's bytes, once the request is read to its end.

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

const [status, file] = process.argv.slice(2);
const body = file === undefined ? Buffer.from('{}\n') : readFileSync(file);
const headers = ['Content-Type', 'application/json; charset=utf-8', 'Content-Length', String(body.length)];

const server = createServer((request, response) => {
  const answer = () => response.writeHead(Number(status ?? 200), headers).end(body);
  if (request.method === 'GET') answer();
  else request.resume().once('end', answer);
});
server.listen(Number(process.env.PORT), '127.0.0.1');
process.once('SIGTERM', () => process.exit(0));
