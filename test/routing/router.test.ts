import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Router } from '../../src/routing/router.ts';
import { seededRandom } from '../support/model/random.ts';

/** A router whose routes `GET /users` have themselves as value. */
function routerOf(...routes: string[]): Router<string> {
  const router = new Router<string>();
  for (const route of routes) {
    const [method = '', pattern = ''] = route.split(' ');
    router.add(method, pattern, route);
  }
  return router;
}

/** What was found as plain data: `[value, params]`, the allowed methods as one text, or null. */
function matched(router: Router<string>, method: string, path: string) {
  const match = router.match(method, path);
  if (match === null) return null;
  return 'allow' in match ? match.allow.join(', ') : [match.value, { ...match.params }];
}

const USERS = [
  'GET /',
  'GET /users',
  'POST /users',
  'GET /users/:id',
  'DELETE /users/:id',
  'GET /users/me',
  'GET /users/:user_id/posts',
  'PUT /users/:user_id/posts/:id',
] as const;

describe('Router.match', () => {
  const router = routerOf(...USERS);
  const table: [method: string, path: string, expected: unknown, reason: string][] = [
    ['GET', '/', ['GET /', {}], 'the root'],
    ['GET', '/users', ['GET /users', {}], 'a static path'],
    ['POST', '/users', ['POST /users', {}], 'its other method'],
    ['GET', '/users/1', ['GET /users/:id', { id: '1' }], 'a parameter'],
    ['GET', '/users/me', ['GET /users/me', {}], 'static beats parameter'],
    ['GET', '/users/mee', ['GET /users/:id', { id: 'mee' }], 'a segment matches whole or not at all'],
    ['DELETE', '/users/me', ['DELETE /users/:id', { id: 'me' }], 'the static branch has no such method'],
    ['GET', '/users/me/posts', ['GET /users/:user_id/posts', { user_id: 'me' }], 'nor such a path'],
    ['PUT', '/users/1/posts/2', ['PUT /users/:user_id/posts/:id', { user_id: '1', id: '2' }], 'two of them'],
    ['HEAD', '/users', ['GET /users', {}], 'HEAD is answered by GET'],
    ['HEAD', '/users/1', ['GET /users/:id', { id: '1' }], 'also below a parameter'],
    ['PUT', '/users', 'GET, HEAD, OPTIONS, POST', 'another method: what there is, sorted'],
    ['OPTIONS', '/users', 'GET, HEAD, OPTIONS, POST', 'OPTIONS is no route of its own'],
    ['PUT', '/users/1', 'DELETE, GET, HEAD, OPTIONS', 'what the parameter has'],
    ['PUT', '/users/me', 'DELETE, GET, HEAD, OPTIONS', 'what both branches have, each once'],
    ['HEAD', '/users/1/posts/2', 'OPTIONS, PUT', 'no GET, so no HEAD'],
    ['get', '/users', 'GET, HEAD, OPTIONS, POST', 'methods are case-sensitive (RFC 9110 §9.1)'],
    ['GET', '/Users', null, 'so are paths'],
    ['GET', '/nobody', null, 'unknown'],
    ['GET', '/user', null, 'part of a segment'],
    ['GET', '/users/1/posts/2/3', null, 'longer than any route'],
    ['GET', '/users/1/nothing', null, 'a level of the tree that no route has'],
    ['GET', '/users/', null, 'a trailing slash is another path'],
    ['GET', '/users/1/', null, 'also behind a parameter'],
    ['GET', '//users', null, 'an empty segment in front'],
    ['GET', '/users//posts', null, 'an empty segment is no parameter'],
    ['GET', '//', null, 'nothing but empty segments'],
    ['GET', '//evil/x', null, 'what a browser would take for a host'],
    ['GET', '', null, 'no path'],
    ['OPTIONS', '*', null, 'the server as a whole'],
    ['GET', 'users', null, 'no slash in front'],
    ['GET', 'http://localhost/users', null, 'a whole address'],
    ['GET', '/constructor', null, 'what every object has'],
    ['GET', '/__proto__', null, 'another of those'],
    ['GET', '/users/%31', ['GET /users/:id', { id: '1' }], 'an escaped digit'],
    ['GET', '/%75sers', ['GET /users', {}], 'an escaped letter of a static segment'],
    ['GET', '/users/%6de', ['GET /users/me', {}], 'which still beats the parameter'],
    [
      'GET',
      '/users/a%2Fposts',
      ['GET /users/:id', { id: 'a/posts' }],
      'an escaped slash stays in its segment',
    ],
    ['GET', '/users%2F1', null, 'and makes no new one'],
    ['GET', '/users/%C3%A9', ['GET /users/:id', { id: 'é' }], 'UTF-8'],
    ['GET', '/users/%2531', ['GET /users/:id', { id: '%31' }], 'decoded once, not twice'],
    ['GET', '/users/%00', ['GET /users/:id', { id: '\0' }], 'a NUL, which the schema has to judge'],
    ['GET', '/users/a+b', ['GET /users/:id', { id: 'a+b' }], 'a plus is a plus in a path'],
    ['GET', '/users/..', ['GET /users/:id', { id: '..' }], 'dots are a name'],
    ['GET', '/users/:id', ['GET /users/:id', { id: ':id' }], "the pattern's own spelling"],
  ];
  for (const [method, path, expected, reason] of table) {
    it(`${method} ${JSON.stringify(path)}: ${reason}`, () => {
      assert.deepEqual(matched(router, method, path), expected);
    });
  }

  for (const [path, reason] of [
    ['/users/%zz', 'no hexadecimal digits'],
    ['/users/%', 'nothing behind the sign'],
    ['/users/%4', 'one digit'],
    ['/users/%ff', 'a byte that UTF-8 never has'],
    ['/users/%C3', 'half a character'],
    ['/users/%C0%AF', 'an overlong slash'],
    ['/users/%ED%A0%80', 'half of a surrogate pair'],
    ['/nowhere/%zz', 'malformed where nothing is, too'],
  ]) {
    it(`throws URIError for ${path}: ${reason}`, () => {
      assert.throws(() => router.match('GET', path ?? ''), URIError);
    });
  }

  it('never matches an empty segment with a parameter', () => {
    const lone = routerOf('GET /:a', 'GET /:a/:b');
    for (const path of ['/', '//', '//x', '/x/']) assert.equal(matched(lone, 'GET', path), null, path);
    assert.deepEqual(matched(lone, 'GET', '/x/y'), ['GET /:a/:b', { a: 'x', b: 'y' }]);
  });

  it('backtracks over several levels, the earlier static segment first', () => {
    const deep = routerOf('GET /a/b/c', 'GET /a/:x/d', 'GET /:x/b/e', 'GET /:x/:y/:z', 'GET /a/:x/:y/:z');
    assert.deepEqual(matched(deep, 'GET', '/a/b/c'), ['GET /a/b/c', {}]);
    assert.deepEqual(matched(deep, 'GET', '/a/b/d'), ['GET /a/:x/d', { x: 'b' }]);
    assert.deepEqual(matched(deep, 'GET', '/a/b/e'), ['GET /:x/b/e', { x: 'a' }]);
    assert.deepEqual(matched(deep, 'GET', '/a/b/f'), ['GET /:x/:y/:z', { x: 'a', y: 'b', z: 'f' }]);
    assert.equal(matched(deep, 'GET', '/b/b/c/d'), null);
  });

  it('prefers a HEAD route to GET', () => {
    const own = routerOf('GET /x', 'HEAD /x', 'HEAD /y');
    assert.deepEqual(matched(own, 'HEAD', '/x'), ['HEAD /x', {}]);
    assert.equal(matched(own, 'GET', '/y'), 'HEAD, OPTIONS');
  });

  it('returns parameters named like properties of Object.prototype', () => {
    const router = routerOf('GET /:constructor/:__proto__/:toString');
    const match = router.match('GET', '/a/b/c');
    assert.ok(match !== null && 'params' in match);
    assert.deepEqual(Object.entries(match.params), [
      ['constructor', 'a'],
      ['__proto__', 'b'],
      ['toString', 'c'],
    ]);
  });

  it('returns params with the names of the pattern and nothing inherited', () => {
    const match = routerOf('GET /:id').match('GET', '/1');
    assert.ok(match !== null && 'params' in match);
    assert.equal(match.params.constructor, undefined);
    assert.equal(match.params.id, '1');
  });

  it('returns null in an empty router', () => {
    assert.equal(new Router().match('GET', '/'), null);
  });

  it('returns a route whose value is undefined', () => {
    const router = new Router<undefined>();
    router.add('GET', '/', undefined);
    assert.ok('value' in (router.match('GET', '/') ?? {}));
  });
});

describe('Router.add', () => {
  const conflicts: [pattern: string, reason: string][] = [
    ['/users', 'the same path again'],
    ['/users/:name', 'a parameter by another name'],
    ['/users/:a/posts', 'the same in the middle'],
  ];
  for (const [pattern, reason] of conflicts) {
    it(`refuses GET ${pattern}: ${reason}`, () => {
      assert.throws(() => routerOf(...USERS).add('GET', pattern, ''), /TypeError: .*conflicts with \/users/s);
    });
  }

  it('keeps the first of two conflicting routes', () => {
    const router = routerOf('GET /users/:id');
    assert.throws(() => router.add('GET', '/users/:name', 'second'), TypeError);
    assert.deepEqual(matched(router, 'GET', '/users/1'), ['GET /users/:id', { id: '1' }]);
  });

  it('shares a segment between parameter names, each route seeing its own', () => {
    const router = routerOf('GET /users/:id', 'PUT /users/:name', 'GET /users/:user_id/posts');
    assert.deepEqual(matched(router, 'GET', '/users/1'), ['GET /users/:id', { id: '1' }]);
    assert.deepEqual(matched(router, 'PUT', '/users/1'), ['PUT /users/:name', { name: '1' }]);
    assert.deepEqual(matched(router, 'GET', '/users/1/posts'), [
      'GET /users/:user_id/posts',
      { user_id: '1' },
    ]);
  });

  const malformed: [pattern: string, reason: string][] = [
    ['', 'nothing'],
    ['users', 'no slash in front'],
    ['*', 'the server as a whole'],
    ['/users/', 'a trailing slash'],
    ['//users', 'an empty segment in front'],
    ['/users//posts', 'an empty segment inside'],
    ['//', 'two empty segments'],
    ['/users?limit=1', 'a query'],
    ['/users#top', 'a fragment'],
    ['/users/:', 'a parameter without a name'],
    ['/users/:/posts', 'the same in the middle'],
    ['/users/:id/posts/:id', 'two parameters of one name'],
  ];
  for (const [pattern, reason] of malformed) {
    it(`refuses the pattern ${JSON.stringify(pattern)}: ${reason}`, () => {
      const router = new Router<string>();
      assert.throws(() => router.add('GET', pattern, ''), TypeError);
      assert.equal(matched(router, 'GET', pattern), null);
    });
  }
});

describe('Router', () => {
  it('agrees with a list that is searched from front to back over a seeded random run', () => {
    const random = seededRandom(4);
    const pick = (choices: readonly string[]) => choices[Math.floor(random() * choices.length)] ?? '';
    const pathOf = (choices: readonly string[]) =>
      Array.from({ length: 1 + Math.floor(random() * 4) }, () => pick(choices));
    for (let round = 0; round < 200; round += 1) {
      const router = new Router<string>();
      const routes: Naive[] = [];
      for (let route = 0; route < 20; route += 1) {
        const shape = pathOf(['a', 'b', ':']);
        const method = pick(['GET', 'HEAD', 'POST', 'PUT']);
        const pattern = `/${shape.map((part, index) => (part === ':' ? `:${pick(['x', 'y'])}${index}` : part)).join('/')}`;
        const taken = routes.some((other) => other.method === method && other.shape.join() === shape.join());
        if (taken) assert.throws(() => router.add(method, pattern, ''), TypeError);
        else router.add(method, pattern, `${method} ${pattern}`);
        if (!taken) routes.push({ method, shape, pattern });
      }
      for (let request = 0; request < 100; request += 1) {
        const path = `/${pathOf(['a', 'b', 'c', '%61', '%2F', '']).join('/')}`;
        const method = pick(['GET', 'HEAD', 'POST', 'PUT', 'OPTIONS']);
        assert.deepEqual(
          matched(router, method, path),
          naiveMatch(routes, method, path),
          `${method} ${path}`,
        );
      }
    }
  });
});

interface Naive {
  readonly method: string;
  /** `:` where a parameter is. */
  readonly shape: readonly string[];
  readonly pattern: string;
}

function naiveMatch(routes: readonly Naive[], method: string, path: string) {
  const segments = path.slice(1).split('/').map(decodeURIComponent);
  const fits = ({ shape }: Naive) =>
    shape.length === segments.length &&
    shape.every((part, index) => (part === ':' ? segments[index] !== '' : part === segments[index]));
  // Where two fit and differ, one has a parameter: `:` sorted as `~` comes after every letter.
  const rank = ({ shape }: Naive) => shape.join('/').replaceAll(':', '~');
  const fitting = routes.filter(fits).sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
  if (fitting.length === 0) return null;
  const usable = fitting.filter(
    (route) => route.method === method || (method === 'HEAD' && route.method === 'GET'),
  );
  const best =
    usable.find((route) => rank(route) === rank(usable[0] ?? route) && route.method === method) ?? usable[0];
  if (best === undefined) {
    const methods = new Set([...fitting.map((route) => route.method), 'OPTIONS']);
    if (methods.has('GET')) methods.add('HEAD');
    return [...methods].sort().join(', ');
  }
  const names = best.pattern.slice(1).split('/');
  const params = names.flatMap((name, index) =>
    name.startsWith(':') ? [[name.slice(1), segments[index]]] : [],
  );
  return [`${best.method} ${best.pattern}`, Object.fromEntries(params)];
}
