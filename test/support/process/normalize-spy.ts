// How long the texts are that are normalized, seen from outside: the real function does the work, and each call is noted.

import type { Cleanup } from '../disk/temporary-folder.ts';

/** Notes the length of every text that is normalized, in UTF-16 units, until the test is over. */
export function watchNormalize(t: Cleanup): number[] {
  const lengths: number[] = [];
  const real = String.prototype.normalize;
  String.prototype.normalize = new Proxy(real, {
    apply(target, self, args) {
      lengths.push(String(self).length);
      return Reflect.apply(target, self, args);
    },
  });
  t.after(() => {
    String.prototype.normalize = real;
  });
  return lengths;
}
