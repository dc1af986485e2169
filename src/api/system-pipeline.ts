// The journey while the store is not open: there is nobody to identify and nothing to limit, and health is all there is to ask
// for. Everything else is told why.

import { JotError } from '../lib/errors.ts';
import type { Endpoint } from './endpoint.ts';
import { type Matched, toIdentified } from './journey.ts';
import { Pipeline, type PipelineOptions } from './pipeline.ts';

/** What a pipeline needs with and without a store. */
export type Common = Omit<
  PipelineOptions,
  'endpoints' | 'identify' | 'findRow' | 'cache' | 'limiters' | 'elsewhere'
>;

/** @param endpoints What can be asked for all the same. */
export function systemPipeline(common: Common, endpoints: readonly Endpoint[], reason: string): Pipeline {
  const refusal = new JotError('unavailable', reason);
  const identify = async (matched: Matched) => toIdentified(matched, { principal: null, refusal });
  const nothing = { cache: null, limiters: new Map(), findRow: async () => null };
  return new Pipeline({ ...common, ...nothing, endpoints, identify, elsewhere: refusal });
}
