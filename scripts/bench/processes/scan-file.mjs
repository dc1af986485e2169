// The floor under loading a data file: `node --expose-gc scan-file.mjs <file>` reads it in blocks, parses each line and keeps
// the rows in a Map. No checksum, no index, no list.

import { closeSync, openSync, readSync } from 'node:fs';
import { report } from './loaded.mjs';

const BLOCK_BYTES = 64 * 1024;

await report(() => {
  const rows = new Map();
  const file = openSync(process.argv[2], 'r');
  const block = Buffer.alloc(BLOCK_BYTES);
  let rest = Buffer.alloc(0);
  for (let length = readSync(file, block); length > 0; length = readSync(file, block)) {
    const bytes = Buffer.concat([rest, block.subarray(0, length)]);
    let start = 0;
    for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10, start)) {
      keep(JSON.parse(bytes.toString('utf8', start, end)), rows);
      start = end + 1;
    }
    rest = bytes.subarray(start);
  }
  closeSync(file);
  return rows;
});

function keep({ changes = [] }, rows) {
  for (const { put, row } of changes) if (put === 'posts') rows.set(row.id, row);
}
