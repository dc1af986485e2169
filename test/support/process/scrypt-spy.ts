// What scrypt is asked for, seen from outside: the real function does the work, and each call is noted.

import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import type { Cleanup } from '../disk/temporary-folder.ts';

/** Notes the cost of every hash, `ln=14,r=8,p=5`, until the test is over. */
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
