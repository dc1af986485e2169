// Records the cost of every scrypt call. The real function still does the work.

import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import type { Cleanup } from '../disk/temporary-folder.ts';

/** Returns an array that collects the cost of every hash, as `ln=14,r=8,p=5`, until the test is over. */
export function watchScrypt(t: Cleanup): string[] {
  const costs: string[] = [];
  const real = crypto.scrypt;
  crypto.scrypt = new Proxy(real, {
    apply(target, self, args) {
      const { N, r, p } = args[3];
      costs.push(`ln=${Math.log2(N)},r=${r},p=${p}`);
      return Reflect.apply(target, self, args);
    },
  });
  syncBuiltinESMExports();
  t.after(() => {
    crypto.scrypt = real;
    syncBuiltinESMExports();
  });
  return costs;
}
