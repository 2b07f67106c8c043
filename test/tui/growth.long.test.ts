import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { EventKind } from '../../src/shared/gen/memoryhub/v1/stats_service.ts';
import { timestampFromMs } from '../../src/shared/time.ts';
import { frame } from '../../src/tui/screens/screen.ts';
import { HISTORY_MS } from '../../src/tui/state/history.ts';
import { reduce } from '../../src/tui/state/reduce.ts';
import { initialState, type MonitorState } from '../../src/tui/state/state.ts';
import { plainText } from '../../src/tui/terminal/line.ts';
import { themeOf } from '../../src/tui/terminal/theme.ts';
import { NOW_MS, trafficFrame } from './support/frames.ts';

const THEME = themeOf({ ascii: false, depth: 'none', palette: 'blue-orange' });
const HOUR = 3600;
/** A quarter of an hour of one server is ten times this. */
const HEAP_NOISE_BYTES = 1 << 20;
/** Sixty different seconds, again and again. */
const MINUTE = Array.from({ length: 60 }, (_, second) => trafficFrame(60 + second));

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** What is alive in this process: also what a state keeps where a walk over it does not come. */
function aliveBytes(): number {
  // What the first leaves to be done later, the second waits for.
  collectGarbage();
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** Everything a state holds: objects, the bytes of typed arrays and the characters of texts, each counted once. */
function heldBy(root: unknown): { objects: number; bytes: number } {
  const seen = new Set<object>();
  let bytes = 0;
  const waiting: unknown[] = [root];
  while (waiting.length > 0) {
    const value = waiting.pop();
    if (typeof value === 'string') bytes += value.length;
    if (typeof value !== 'object' || value === null || seen.has(value)) continue;
    seen.add(value);
    if (ArrayBuffer.isView(value)) bytes += value.byteLength;
    else if (value instanceof Map) waiting.push(...value.keys(), ...value.values());
    else if (value instanceof Set) waiting.push(...value);
    else for (const inner of Object.values(value)) waiting.push(inner);
  }
  return { objects: seen.size, bytes };
}

/** The second of an hour, from one of these servers; every minute something happens that is told. */
function after(state: MonitorState, second: number, target?: string): MonitorState {
  const recorded = MINUTE[second % 60];
  if (recorded === undefined) throw new Error('no such second');
  const at = timestampFromMs(NOW_MS + second * 1000);
  const events = second % 60 === 0 ? [{ at, kind: EventKind.REDIS_LOST, text: `minute ${second / 60}` }] : [];
  const sent = { ...recorded, at, sequence: BigInt(second + 1), events };
  return reduce(state, {
    kind: 'frame',
    frame: sent,
    receivedMs: NOW_MS + second * 1000 + 12,
    ...(target && { target }),
  });
}

test.each([
  ['one server', []],
  ['two servers merged', ['a:1', 'b:1']],
] as const)(
  'an hour of frames of %s leaves no more behind than the quarter that is remembered',
  (_name, targets) => {
    let state = initialState('a:1', NOW_MS, { columns: 160, rows: 50 });
    if (targets.length > 0) state = reduce(state, { kind: 'targets', names: targets });
    for (const name of targets.length > 0 ? targets : [undefined]) {
      state = reduce(state, { kind: 'connection', connection: { phase: 'live' }, ...(name && { target: name }) });
    }
    const held: ReturnType<typeof heldBy>[] = [];
    const alive: number[] = [];
    let drawn = 0;
    for (let second = 0; second < HOUR; second++) {
      for (const name of targets.length > 0 ? targets : [undefined]) state = after(state, second, name);
      // A redraw now and then keeps what drawing remembers in the count; each second would take minutes.
      if (second % 30 === 29) {
        for (const screen of ['overview', 'methods', 'store', 'clients', 'events'] as const) {
          const rows = frame({ ...state, view: { ...state.view, screen } }, THEME);
          drawn += rows.map(({ line }) => plainText(line)).filter((row) => row.trim() !== '').length;
        }
      }
      if ((second + 1) % 900 === 0) {
        alive.push(aliveBytes());
        held.push(heldBy(state));
      }
    }
    expect(drawn).toBeGreaterThan(0);
    expect(state.framesReceived).toBeGreaterThanOrEqual(HOUR);
    const before = alive[1] ?? 0;
    for (const later of alive.slice(2)) expect(later).toBeLessThan(before + HEAP_NOISE_BYTES);
    const [, second, third, fourth] = held;
    if (second === undefined || third === undefined || fourth === undefined) throw new Error('not an hour');
    expect(second.objects).toBeGreaterThan(10_000);
    for (const later of [third, fourth]) {
      expect(later.objects).toBeLessThan(second.objects * 1.02);
      expect(later.bytes).toBeLessThan(second.bytes * 1.02);
    }
    expect(state.history.length).toBeLessThanOrEqual(HISTORY_MS / 1000 + 1);
    // The walk over it finds what grows: one more frame remembered for each that came would be seen.
    const grown = heldBy({ state, more: Array.from({ length: 300 }, (_, i) => ({ kept: new Uint8Array(8000), i })) });
    expect(grown.bytes).toBeGreaterThan(fourth.bytes * 1.02);
  },
  120_000,
);
