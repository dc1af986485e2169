import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseTarget } from '../../src/http/incoming.ts';

describe('parseTarget accepts', () => {
  for (const [url, path, query, why] of [
    ['/', '/', '', 'the shortest path'],
    ['/users/1', '/users/1', '', 'a path'],
    ['/users?limit=1&after=2', '/users', 'limit=1&after=2', 'a path and a query'],
    ['/users?', '/users', '', 'an empty query'],
    ['/?a?b', '/', 'a?b', 'only the first question mark separates'],
    ['/%3f%20/%zz', '/%3f%20/%zz', '', 'nothing is decoded yet'],
    ['//evil/x', '//evil/x', '', 'two slashes are a path, not a host'],
    ['//', '//', '', 'nothing but slashes'],
    ['/a/../b/./c', '/a/../b/./c', '', 'dots mean nothing here'],
    ['/http://x/', '/http://x/', '', 'a URL inside a path'],
    ['/*', '/*', '', 'a star in a path'],
    ['http://host/users', '/users', '', 'the absolute form, as its path'],
    ['http://host', '/', '', 'the absolute form without a path'],
    ['http://host?a=1', '/', 'a=1', 'without a path, with a query'],
    ['http://host:80/a?b=c', '/a', 'b=c', 'with a port and a query'],
    ['HTTPS://HOST/A', '/A', '', 'the scheme in capitals, the path as it is'],
    ['http://[::1]:80/a', '/a', '', 'an IPv6 host'],
    ['http://host//evil/x', '//evil/x', '', 'two slashes behind a host'],
    ['http://host/http://other/a', '/http://other/a', '', 'only the first host is one'],
  ] as const) {
    it(`${url}: ${why}`, () => assert.deepEqual(parseTarget('GET', url), { path, query }));
  }

  it('* for OPTIONS and for nothing else', () => {
    assert.deepEqual(parseTarget('OPTIONS', '*'), { path: '*', query: '' });
    refuses('*');
    refuses('*', 'options');
    refuses('*?', 'OPTIONS');
  });
});

function refuses(url: string, method = 'GET'): void {
  const message = 'The request target must be a path';
  assert.throws(() => parseTarget(method, url), { name: 'JotError', code: 'bad_request', message });
}

describe('parseTarget rejects', () => {
  for (const [url, why] of [
    ['', 'nothing'],
    ['users', 'no slash'],
    ['?a=1', 'only a query'],
    ['host:80', 'what CONNECT has'],
    ['http:', 'only a scheme'],
    ['http:/users', 'one slash'],
    ['http://', 'no host'],
    ['http://user@host/a', 'a user in it'],
    ['http://user:secret@host/a', 'a password in it'],
    ['http:///users', 'an empty host'],
    ['http://?a', 'an empty host before a query'],
    ['ftp://host/users', 'another scheme'],
    ['file:///etc/passwd', 'a file'],
    ['javascript:alert(1)', 'a script'],
    ['xhttp://host/', 'only the end of the scheme'],
    [' /users', 'white space'],
    ['http://host:port/a', 'a port that is no number'],
    ['http://[::g]/a', 'an address that is none'],
  ] as const) {
    it(`${JSON.stringify(url)}: ${why}`, () => refuses(url));
  }
});

describe('parseTarget rejects a fragment', () => {
  for (const url of ['/#', '/users#a', '/users?a=b#c', 'http://host/a#b', 'http://host#b', '*#']) {
    const message = 'The request target must not have a fragment';
    it(url, () => assert.throws(() => parseTarget('GET', url), { code: 'bad_request', message }));
  }
});
