// The version in package.json, which lies beside `src` as well as `dist`.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const packageFile = join(import.meta.dirname, '../package.json');

export const VERSION: string = JSON.parse(readFileSync(packageFile, 'utf8')).version;
