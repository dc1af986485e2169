// A process that opens a store, writes a user, prints `open` and keeps the lock until it is killed:
//   node hold-store.ts file:<path> <username>

import { openStore } from '../../../src/store/open.ts';
import { userNamed } from './stores.ts';

const [url = '', username = ''] = process.argv.slice(2);
const store = await openStore(url);
await store.users.create(userNamed(username));
process.stdout.write('open\n');
process.stdin.resume();
