// The path under which a proxy serves Jot, such as `/api`. Most proxies strip it from the request
// but leave the response as it is, so a client would follow a `Location` or `Link` without the
// prefix. Jot therefore prepends the base to every path that it writes (`api/marshal.ts`, and the
// index and the document in `resources/system.ts`). Requests are served with and without the base,
// so a proxy that does not strip it works too.

import type { Setting } from '../lib/setting.ts';

/** The kind of the setting; '' for none. */
export const basePath: Setting<string> = {
  read: (text) => (/^(?:\/(?!\.{1,2}(?:\/|$))[\w.~-]+)+$/.test(text) ? text : undefined),
  expected: 'a path like `/api`, without a slash at the end',
  guess: (text) => basePath.read(`/${text.split('/').filter(Boolean).join('/')}`),
};

/** Returns the part of a path below the base; null if the path is elsewhere. */
export function withoutBase(path: string, base: string): string | null {
  if (base === '') return null;
  if (path === base) return '/';
  return path.startsWith(`${base}/`) ? path.slice(base.length) : null;
}
