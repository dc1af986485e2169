// The longest event-loop turn of a server for requests of hostile shapes, in processor time of its
// main thread: `node longest-turns.mjs <dist> <MAX_BODY>`. The client is a thread of its own.

import { closeSync, openSync, readSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

const TIMES = 5;
const JSON_TYPE = 'application/json';
const FORM_TYPE = 'application/x-www-form-urlencoded';
const OFF = { RATE_LIMIT: 'off', RATE_LIMIT_AUTH: 'off', RATE_LIMIT_SIGNUP: 'off', RATE_LIMIT_LOGIN: 'off' };

// Type, start, repeated part and end of a body that creates a post, unless it is rejected.
const POST = '{"title":"a","body":"b"';
const shapes = {
  text: [JSON_TYPE, '{"title":"a","body":"', 'x', '"}'],
  wideText: [JSON_TYPE, '{"title":"a","body":"', 'Ā', '"}'],
  escapes: [JSON_TYPE, '{"title":"a","body":"', '\\"', '"}'],
  keys: [JSON_TYPE, POST, ',"k":0', '}'],
  objects: [JSON_TYPE, `${POST},"z":[0`, ',{}', ']}'],
  depth: [JSON_TYPE, '', '{"a":', ''],
  controls: [FORM_TYPE, 'title=a&body=', '\u0001', ''],
  wideControls: [FORM_TYPE, 'title=a&body=Ā', '\u0001', ''],
  spaces: [FORM_TYPE, 'title=a&body=', '+', ''],
  pairs: [FORM_TYPE, 'title=a&body=b', '&k', ''],
};

if (isMainThread) await serve(process.argv[2], process.argv[3]);
else await attack(workerData);

async function serve(dist, MAX_BODY) {
  const { createApp } = await import(pathToFileURL(`${dist}/app.js`).href);
  const settings = {
    ...OFF,
    PORT: '0',
    MAX_BODY,
    DATABASE_URL: 'file:turns.jsonl',
    PASSWORD_COST: 'ln=1,r=1,p=1',
  };
  const app = createApp({ settings });
  const url = await app.listen();
  const clock = openSync(`/proc/self/task/${process.pid}/schedstat`, 'r');
  let last = processorMs(clock);
  let longestMs = 0;
  let isOver = false;
  const turn = () => {
    const now = processorMs(clock);
    longestMs = Math.max(longestMs, now - last);
    last = now;
    if (!isOver) setImmediate(turn);
  };
  turn();
  const client = new Worker(new URL(import.meta.url), {
    workerData: { url, bytes: app.config.bodyBytesMax },
  });
  const sample = await new Promise((resolve, reject) => {
    client.on('error', reject).on('message', (figures) => {
      if (figures !== null) return resolve(figures);
      client.postMessage(longestMs);
      longestMs = 0;
    });
  });
  isOver = true;
  await app.close();
  closeSync(clock);
  process.stdout.write(`${JSON.stringify(sample)}\n`);
}

// sched(7), proc(5): the first number is the time on a processor, in nanoseconds.
function processorMs(clock) {
  const bytes = Buffer.alloc(64);
  return Number.parseInt(bytes.toString('latin1', 0, readSync(clock, bytes, 0, bytes.length, 0)), 10) / 1e6;
}

async function attack({ url, bytes }) {
  const call = async (method, path, body, type = JSON_TYPE, token = '') => {
    const headers = { 'Content-Type': type, ...(token && { Authorization: `JWT ${token}` }) };
    const response = await fetch(url + path, { method, body, headers });
    const text = await response.text();
    return text === '' ? {} : JSON.parse(text);
  };
  const credentials = JSON.stringify({ username: 'mallory', password: 'secret' });
  await call('POST', '/users', credentials);
  const { access_token: token } = await call('POST', '/auth', credentials);
  const longest = () =>
    new Promise((resolve) => {
      parentPort.once('message', resolve).postMessage(null);
    });

  const figures = {};
  for (const [name, [type, start, unit, end]] of Object.entries(shapes)) {
    const body =
      start + unit.repeat((bytes - Buffer.byteLength(start + end)) / Buffer.byteLength(unit)) + end;
    const turns = [];
    for (let time = 0; time < TIMES; time++) {
      await longest();
      const { id } = await call('POST', '/users/1/posts', body, type, token);
      const path = `/users/1/posts/${id}`;
      if (id !== undefined) {
        await call('PATCH', path, '{"title":"b"}', JSON_TYPE, token);
        await call('GET', `/users/1?after=${id - 1}`, undefined, JSON_TYPE, token);
        await call('HEAD', path, undefined, JSON_TYPE, token);
        await call('DELETE', path, undefined, JSON_TYPE, token);
      }
      turns.push(await longest());
    }
    figures[name] = turns.sort((one, other) => one - other)[Math.floor(TIMES / 2)];
  }
  parentPort.postMessage(figures);
}
