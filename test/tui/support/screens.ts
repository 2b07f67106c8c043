import type { Event } from '../../../src/tui/state/event.ts';
import { reduce } from '../../../src/tui/state/reduce.ts';
import { initialState, type MonitorState } from '../../../src/tui/state/state.ts';
import type { View } from '../../../src/tui/state/view.ts';
import { emptyFrame, NOW_MS, overloadedFrame, trafficFrame } from './frames.ts';

const TARGET = '127.0.0.1:50051';
const LAG_MS = 12;

/** The monitor after these events. */
export function stateAfter(events: readonly Event[], view: Partial<View> = {}): MonitorState {
  return events.reduce(reduce, initialState(TARGET, NOW_MS - 200_000, view));
}

let traffic: readonly Event[] | undefined;

/** Two minutes of a busy server: all of it from the past but the last frame. */
export function busyEvents(): readonly Event[] {
  traffic ??= [
    { kind: 'connection', connection: { phase: 'live' } },
    ...Array.from({ length: 120 }, (_, second): Event => {
      const frame = trafficFrame(second, { replayed: second < 119 });
      return { kind: 'frame', frame, receivedMs: NOW_MS + LAG_MS };
    }),
  ];
  return traffic;
}

/** The same with texts of other alphabets, of two columns a letter, of several code points, and of escape sequences. */
export function wideEvents(): readonly Event[] {
  const frame = trafficFrame(119, {
    replica: 'メモリ-ハブ-一号機-東京データセンター🚀👩‍👩‍👧‍👦',
    events: [{ at: trafficFrame(119).at, kind: 6, text: '\x1b[2J\x1b]0;owned\x07worker 🧠 記憶\nが再起動\u202e' }],
  });
  return [...busyEvents().slice(0, -1), { kind: 'frame', frame, receivedMs: NOW_MS + LAG_MS }];
}

/** What each golden shows. */
export const SITUATIONS = {
  live: () => busyEvents(),
  paused: (): readonly Event[] => [
    ...busyEvents(),
    { kind: 'command', command: 'pause' },
    { kind: 'command', command: 'leap-back' },
    { kind: 'command', command: 'step-back' },
  ],
  disconnected: (): readonly Event[] => [
    ...busyEvents(),
    {
      kind: 'connection',
      connection: {
        phase: 'retrying',
        problem: { code: 'UNAVAILABLE', text: 'connection refused' },
        retryAtMs: NOW_MS + LAG_MS + 17_000,
      },
    },
    { kind: 'tick', nowMs: NOW_MS + LAG_MS + 14_000 },
  ],
  empty: (): readonly Event[] => [
    { kind: 'connection', connection: { phase: 'live' } },
    { kind: 'frame', frame: emptyFrame(), receivedMs: NOW_MS + LAG_MS },
  ],
  overloaded: (): readonly Event[] => [
    ...busyEvents().slice(0, -20),
    ...Array.from({ length: 20 }, (_, i): Event => {
      return { kind: 'frame', frame: overloadedFrame(100 + i), receivedMs: NOW_MS + LAG_MS };
    }),
  ],
} as const;
