// Notices what nobody caught. A promise that rejects without a listener, or a throw in an event's listener, would end the
// server's process; in a test's process the runner might take it for a matter of another test.

import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import type { Cleanup } from '../disk/temporary-folder.ts';

const EVENTS = ['unhandledRejection', 'uncaughtException'] as const;

/** Fails the test at its end if anything escaped meanwhile; gives what did so far. */
export function watchEscapes(t: Cleanup): { readonly escaped: readonly unknown[] } {
  const escaped: unknown[] = [];
  const note = (error: unknown) => void escaped.push(error);
  const before = EVENTS.map((event) => [event, process.rawListeners(event)] as const);
  for (const event of EVENTS) process.removeAllListeners(event).on(event, note);
  t.after(async () => {
    // A rejection counts as unhandled only once the turn it happened in is over.
    await setImmediate();
    for (const [event, listeners] of before) {
      process.removeAllListeners(event);
      for (const listener of listeners) process.on(event, listener as () => void);
    }
    assert.deepEqual(escaped, []);
  });
  return { escaped };
}
