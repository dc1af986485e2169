// A process that compacts its store with no free file descriptor, with one, with two and so on. It
// writes a user after each attempt, and prints the outcomes:
//   node few-descriptors.ts file:<path>

import { closeSync, openSync } from 'node:fs';
import { openStore } from '../../../src/store/open.ts';
import { userNamed } from './stores.ts';

const ATTEMPTS = 8;

const [url = ''] = process.argv.slice(2);
const store = await openStore(url);
const outcomeOf = (done: Promise<unknown>) => done.then(() => 'done', String);
// The first use of some of Node's functions opens files that stay open.
await outcomeOf(store.compact());
const taken: number[] = [];
const outcomes: object[] = [];
for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
  // Again each time, since Node may have closed a descriptor of its own in the meantime.
  takeAll();
  for (const descriptor of taken.splice(-attempt, attempt)) closeSync(descriptor);
  const compaction = await outcomeOf(store.compact());
  const write = await outcomeOf(store.users.create(userNamed(`user ${attempt}`)));
  outcomes.push({ compaction, write });
}
for (const descriptor of taken) closeSync(descriptor);
process.stdout.write(`${JSON.stringify(outcomes)}\n`);
await store.close();

function takeAll(): void {
  for (;;) {
    try {
      taken.push(openSync('/dev/null', 'r'));
    } catch {
      return;
    }
  }
}
