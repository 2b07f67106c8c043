import { isBulk } from '../method-name.ts';
import type { Condition } from './condition.ts';
import type { Fleet } from './metrics.ts';
import type { WindowTotals } from './totals.ts';

/** The value of a metric; of a condition about each method, one for each. */
export interface Reading {
  readonly subject: string | undefined;
  /** Undefined: nothing is known, or too little to judge by. */
  readonly value: number | undefined;
}

/**
 * Reads what a condition is about.
 *
 * @param minCalls metrics made of calls are not known with fewer of them in the window
 */
export function read(
  { subject, metric, windowed }: Condition,
  window: WindowTotals,
  { minCalls = 0, fleet }: { readonly minCalls?: number; readonly fleet?: Fleet | undefined } = {},
): readonly Reading[] {
  if ('server' in metric) return [{ subject: undefined, value: metric.server.read(window, fleet) }];
  const { call } = metric;
  const one = (name: string, calls: WindowTotals['api'] | undefined): Reading => {
    const enough = calls !== undefined && (!windowed || calls.completed >= minCalls);
    return { subject: name, value: enough ? call.read(calls, window.seconds) : undefined };
  };
  if (subject === 'api') return [one('api', window.api)];
  if (subject !== '*') return [one(subject ?? '', window.methods.get(subject ?? ''))];
  return [...window.methods].filter(([name]) => !isBulk(name)).map(([name, calls]) => one(name, calls));
}
