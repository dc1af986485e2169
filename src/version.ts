// The version of Jot. In the source tree, `package.json` has it. A built file may be anywhere, for
// example in the bundle of another program, so the build replaces this module by a constant
// (`scripts/bundle.ts`).

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const packageFile = join(import.meta.dirname, '../package.json');

export const VERSION: string = JSON.parse(readFileSync(packageFile, 'utf8')).version;
