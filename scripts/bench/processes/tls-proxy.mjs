// A proxy that does TLS and nothing else: `node tls-proxy.mjs <port of the server>`. What comes in one packet leaves in one.

import { connect } from 'node:net';
import { createServer } from 'node:tls';
import { serverTls } from './tls.mjs';

const port = Number(process.argv[2]);

createServer(serverTls, (outside) => {
  const inside = connect(port, '127.0.0.1').setNoDelay(true);
  outside.setNoDelay(true);
  outside.pipe(inside).pipe(outside);
  // Either of them takes the other one along.
  for (const socket of [outside, inside]) {
    socket
      .on('error', () => undefined)
      .on('close', () => {
        outside.destroy();
        inside.destroy();
      });
  }
}).listen(Number(process.env.PORT), '127.0.0.1');
process.once('SIGTERM', () => process.exit(0));
