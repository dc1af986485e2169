// Jot's own loading of a data file: `node --expose-gc open-file.mjs <file> <folder with the built Jot>`.

import { pathToFileURL } from 'node:url';
import { report } from './loaded.mjs';

const [file, dist] = process.argv.slice(2);
const { openStore } = await import(pathToFileURL(`${dist}/store/open.js`).href);

const store = await report(() => openStore(`file:${file}`));
await store.close();
