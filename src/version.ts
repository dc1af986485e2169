// The version in package.json, which lies beside `src` as well as `dist`.

import { readFileSync } from 'node:fs';

const packageFile = new URL('../package.json', import.meta.url);

export const VERSION: string = JSON.parse(readFileSync(packageFile, 'utf8')).version;
