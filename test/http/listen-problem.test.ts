import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, it } from 'node:test';
import { listenProblem } from '../../src/http/listen-problem.ts';

function systemError(code: string, syscall = 'listen'): NodeJS.ErrnoException {
  return Object.assign(new Error(`${syscall} ${code}`), { code, syscall });
}

/** What the system says to that. */
async function refusalOf(host: string): Promise<NodeJS.ErrnoException> {
  const [error] = await once(createServer().listen(0, host), 'error').catch((thrown) => [thrown]);
  return error;
}

describe('listenProblem', () => {
  const place = { host: '10.1.2.3', port: 80 };
  const rows: readonly [
    error: NodeJS.ErrnoException,
    port: number,
    problem: RegExp | null,
    reason: string,
  ][] = [
    [systemError('EADDRINUSE'), 80, /^Port 80 of 10\.1\.2\.3 is in use; PORT=<another> /, 'somebody has it'],
    [
      systemError('EADDRNOTAVAIL'),
      80,
      /^HOST is 10\.1\.2\.3, which is not an address of this machine; HOST=/,
      'no own',
    ],
    [systemError('ENOTFOUND', 'getaddrinfo'), 80, /^HOST is 10\.1\.2\.3, and no address is known/, 'no name'],
    [systemError('EACCES'), 80, /^PORT is 80, and a port below 1024 needs a privilege .*; PORT=3000 /, 'low'],
    [systemError('EACCES'), 1024, /^Can't listen with HOST=\S+ and PORT=1024: listen EACCES$/, 'not low'],
    [
      systemError('EINVAL'),
      80,
      /^Can't listen with HOST=10\.1\.2\.3 and PORT=80: listen EINVAL$/,
      'another one',
    ],
    [systemError('EACCES', 'open'), 80, null, 'not about listening'],
    [new TypeError('x is undefined'), 80, null, 'a bug'],
  ];
  for (const [error, port, problem, reason] of rows) {
    it(`says what to do about ${error.message} at port ${port}: ${reason}`, () => {
      const told = listenProblem(error, { ...place, port });
      if (problem === null) assert.equal(told, null);
      else assert.match(told ?? '', problem);
    });
  }

  it('knows what the system says of an address that is another machine’s', async () => {
    // RFC 5737: an address for documentation, which nobody has.
    const told = listenProblem(await refusalOf('192.0.2.1'), { host: '192.0.2.1', port: 0 });
    assert.match(told ?? '', /^HOST is 192\.0\.2\.1, which is not an address of this machine/);
  });
});
