// A conditional write compares the state of the row, not the whole response.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { anyone, type Endpoint, endpoint } from '../../src/api/endpoint.ts';
import { object, text } from '../../src/schema/schema.ts';
import { headerOf } from '../support/server/answers.ts';
import { startPipeline } from '../support/server/pipeline.ts';

const note = object({ text: text() });

/** Endpoints for one note, and how often its response was marshalled. */
function noteEndpoints(state: { state?: () => string }): { counts: { marshalled: number }; all: Endpoint[] } {
  const counts = { marshalled: 0 };
  const common = { path: '/note', group: 'test', summary: 'Test', access: anyone } as const;
  const marshal = (row: { text: string }) => {
    counts.marshalled++;
    return note.marshal(row);
  };
  const response = { marshal, jsonSchema: note.jsonSchema };
  const handle = async () => ({ text: 'Long' });
  return {
    counts,
    all: [
      endpoint({ ...common, method: 'GET', handle, response, version: () => 1, ...state }),
      endpoint({ ...common, method: 'DELETE', handle }),
    ],
  };
}

describe('If-Match and If-None-Match on a write', () => {
  const states: [marshalled: number, reason: string, state: { state?: () => string }][] = [
    [0, 'if the GET declares a state', { state: () => 'same' }],
    [1, 'if the GET declares no state, whose response has to be compared', {}],
  ];
  for (const [marshalled, reason, state] of states) {
    it(`marshal the response of the GET ${marshalled} times ${reason}`, async (t) => {
      const { counts, all } = noteEndpoints(state);
      const { call } = await startPipeline(t, all);
      const tag = headerOf(await call('GET', '/note'), 'etag');
      const conditions: [headers: Record<string, string>, status: number][] = [
        [{ 'If-Match': tag }, 204],
        [{ 'If-Match': `"x${tag.slice(1)}` }, 412],
        [{ 'If-None-Match': tag }, 412],
        [{ 'If-None-Match': `W/${tag}` }, 412],
        [{ 'If-None-Match': '"x"' }, 204],
      ];
      for (const [headers, status] of conditions) {
        counts.marshalled = 0;
        assert.equal((await call('DELETE', '/note', { headers })).status, status);
        assert.equal(counts.marshalled, marshalled);
      }
    });
  }
});
