import { passes } from './filter.ts';
import { coveredMs } from './over-slots.ts';
import type { Caller, Slot } from './slot.ts';
import { type MonitorState, shownSlots } from './state.ts';

/** What one key did from one address, in the window. */
export interface ClientRow extends Caller {
  readonly calls: number;
  /** Calls a second. */
  readonly rate: number;
  /** Ended neither OK nor cancelled; refusals among them. */
  readonly errors: number;
  /** Of the calls, 0..1. */
  readonly errorShare: number;
  /** Turned away: no valid key, no right, no room. */
  readonly refused: number;
  /** Open at the end of the window. */
  readonly streams: number;
  /** Of these, those nothing is read of. */
  readonly stalled: number;
}

/** What sorts the clients, in the order in which `s` goes through them. Numbers fall, names rise. */
export const CLIENT_SORTS = ['rate', 'errors', 'refused', 'streams', 'keyName', 'peer'] as const;

/** The callers of the window: filtered by key and address, and sorted. */
export function clientRows(state: MonitorState): readonly ClientRow[] {
  const { filter, sort, reversed } = state.view.clients;
  const by = CLIENT_SORTS[sort] ?? 'rate';
  const sign = reversed ? -1 : 1;
  return clientsOf(shownSlots(state))
    .filter(({ keyName, keyId, peer }) => passes(filter, keyName, keyId, peer))
    .sort((a, b) => sign * (compare(a[by], b[by]) || compare(a.keyName, b.keyName) || compare(a.peer, b.peer)));
}

/** Numbers fall, names rise. */
function compare(a: number | string, b: number | string): number {
  return typeof a === 'number' ? (b as number) - a : a.localeCompare(b as string);
}

/** What is added up for a row. */
type Sums = { -readonly [Name in 'calls' | 'errors' | 'refused' | 'streams' | 'stalled']: ClientRow[Name] };

function clientsOf(slots: readonly Slot[]): ClientRow[] {
  const seconds = coveredMs(slots) / 1000;
  const sums = new Map<string, { caller: Caller } & Sums>();
  const last = slots.at(-1);
  for (const slot of slots) {
    const { who, calls, errors, refused, streams, stalled } = slot.clients;
    who.forEach((caller, i) => {
      const key = `${caller.keyId} ${caller.peer} ${caller.keyName}`;
      let sum = sums.get(key);
      if (sum === undefined) {
        sum = { caller, calls: 0, errors: 0, refused: 0, streams: 0, stalled: 0 };
        sums.set(key, sum);
      }
      sum.calls += calls[i] ?? 0;
      sum.errors += errors[i] ?? 0;
      sum.refused += refused[i] ?? 0;
      // Who has a stream open is in every frame.
      if (slot !== last) return;
      sum.streams = streams[i] ?? 0;
      sum.stalled = stalled[i] ?? 0;
    });
  }
  return [...sums.values()].map(({ caller, ...sum }) => ({
    ...caller,
    ...sum,
    rate: seconds === 0 ? 0 : sum.calls / seconds,
    errorShare: sum.calls === 0 ? 0 : sum.errors / sum.calls,
  }));
}
