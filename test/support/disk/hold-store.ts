// A program of its own that opens a store, writes a user, says so, and keeps the store open until it is ended:
//   node hold-store.ts file:<path> <username>

import { openStore } from '../../../src/store/open.ts';
import { userNamed } from './stores.ts';

const [url = '', username = ''] = process.argv.slice(2);
const store = await openStore(url);
await store.users.create(userNamed(username));
process.stdout.write('open\n');
process.stdin.resume();
