// A proxy that only terminates TLS: `node tls-proxy.mjs <port of the server> <TLS options>`.

import { connect } from 'node:net';
import { pipeline } from 'node:stream';
import { createServer } from 'node:tls';

const [port, tls] = process.argv.slice(2);
createServer(JSON.parse(tls), (outside) => {
  const inside = connect(Number(port), '127.0.0.1').setNoDelay(true);
  outside.setNoDelay(true);
  // Destroys both sockets when either closes.
  pipeline(outside, inside, outside, () => undefined);
}).listen(Number(process.env.PORT), '127.0.0.1');
