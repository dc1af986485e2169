// The version in package.json, which lies one folder up from `src` as well as from `dist`.

import { readFileSync } from 'node:fs';

const packageFile = new URL('../../package.json', import.meta.url);

export const VERSION: string = JSON.parse(readFileSync(packageFile, 'utf8')).version;
