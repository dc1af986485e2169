// `jot keys`: the keys that tokens are signed with, where they are in a file.

import { rotateKeyFile } from '../auth/keys.ts';
import { keyFilePath, parseConfig } from '../config.ts';
import { JotError } from '../lib/errors.ts';
import { type Command, parseArguments, print } from './command.ts';

export const rotateKeys: Command = {
  name: 'keys rotate',
  summary: 'sign with a new key; tokens of the older ones stay valid',
  async run({ settings, stdout, now }, args) {
    parseArguments(args, [], 0);
    const path = keyFilePath(parseConfig(settings).databaseUrl);
    if (path === null) throw new JotError('unavailable', 'A store in memory has no key file');
    const kid = rotateKeyFile(path, now);
    await print(stdout, `New tokens are signed with key ${kid} once the server is restarted.\n`);
    return 0;
  },
};
