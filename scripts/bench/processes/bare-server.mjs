// The lower bound for all servers: `node:http` with a handler that does nothing.
// `node bare-server.mjs <status> <body>` responds with both once it has read the whole request.

import { createServer } from 'node:http';

const [status, text] = process.argv.slice(2);
const body = Buffer.from(text);
const headers = ['Content-Type', 'application/json; charset=utf-8', 'Content-Length', String(body.length)];

createServer((request, response) => {
  const respond = () => response.writeHead(Number(status), headers).end(body);
  if (request.method === 'GET') respond();
  else request.resume().once('end', respond);
}).listen(Number(process.env.PORT), '127.0.0.1');
