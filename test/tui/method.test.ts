import { expect, test } from 'vitest';
import { commandOf } from '../../src/tui/keys.ts';
import { copied } from '../../src/tui/state/copied.ts';
import type { Event } from '../../src/tui/state/event.ts';
import { methodDetail } from '../../src/tui/state/method-detail.ts';
import { drawn } from './support/drawn.ts';
import { emptyFrame, methodStats, NOW_MS, trafficFrame } from './support/frames.ts';
import { expectGolden } from './support/golden.ts';
import { busyEvents, stateAfter } from './support/screens.ts';

const TRACES = ['4bf92f3577b34da6a3ce929d0e0e4736', 'a3ce929d0e0e47364bf92f3577b34da6', ''];

/** A busy server that tells stages and slowest calls of SaveMemory, and its totals. */
function detailed(): readonly Event[] {
  const last = trafficFrame(119);
  const latency = methodStats('SaveMemory', [1000, 2000, 9000]).latency;
  const slowest = TRACES.map((traceId, i) => ({
    at: last.at,
    duration: { seconds: 0n, nanos: (88 - i * 20) * 1_000_000 },
    code: i === 0 ? (4 as const) : (0 as const),
    traceId,
    stageUs: [],
  }));
  const stages = ([1, 2, 3, 4, 5, 6] as const).map((stage) => ({ stage, latency }));
  const methods = last.methods.map((method) =>
    method.method.endsWith('SaveMemory') ? { ...method, stages, slowest } : method,
  );
  const latencies = Array.from({ length: 4000 }, (_, i) => 1000 + i);
  const codes = [
    { code: 0 as const, count: 3900n },
    { code: 3 as const, count: 90n },
    { code: 14 as const, count: 10n },
  ];
  const totals = emptyFrame({ methods: [methodStats('SaveMemory', latencies, { codes })] });
  return [
    ...busyEvents().slice(0, -1),
    { kind: 'frame', frame: { ...last, methods }, receivedMs: NOW_MS + 12 },
    { kind: 'totals', totals },
    ...pressed('j', 'enter'),
  ];
}

const pressed = (...keys: readonly string[]): readonly Event[] =>
  keys.map((key) => {
    const command = commandOf(key);
    if (command === undefined) throw new Error(`${key} is no key`);
    return { kind: 'command', command };
  });

test.each([
  [80, 24],
  [100, 30],
  [160, 50],
] as const)('a method in detail at %ix%i is what the golden shows', async (columns, rows) => {
  const { rows: seen } = await drawn(detailed(), { columns, rows });
  expectGolden(`method-${columns}x${rows}`, seen);
});

test('a cursor goes along the time and says what was there', async () => {
  const { rows } = await drawn([...detailed(), ...pressed(...Array.from({ length: 31 }, () => 'h'))], {
    columns: 100,
    rows: 30,
  });
  expectGolden('method-cursor-100x30', rows);
  const back = stateAfter([...detailed(), ...pressed('h', 'h', 'l')]);
  expect(back.view.cursorBackMs).toBe(0);
  expect(stateAfter([...detailed(), ...pressed('h', 'l')]).view.cursorBackMs).toBeUndefined();
  const far = stateAfter([...detailed(), ...pressed(...Array.from({ length: 200 }, () => 'h'))]);
  expect(far.view.cursorBackMs).toBe(59_000);
});

test('percentiles since the start are those the server counted, with the codes that did not come lately', () => {
  const state = stateAfter(detailed());
  const { boot, window } = methodDetail(state, 'SaveMemory');
  expect(boot?.completed).toBe(4000);
  expect(boot?.latency.percentile(0.5)).toBeGreaterThan(2900);
  expect(boot?.codes).toContainEqual({ code: 14, count: 10 });
  expect(window?.codes.some(({ code }) => code === 14)).toBe(false);
});

test('y takes the trace id of the chosen slow call, and there is none of a call that was not traced', () => {
  expect(copied(stateAfter(detailed()))).toEqual({ what: 'trace id', text: TRACES[0] });
  expect(copied(stateAfter([...detailed(), ...pressed('j')]))).toEqual({ what: 'trace id', text: TRACES[1] });
  expect(copied(stateAfter([...detailed(), ...pressed('G')]))).toBeUndefined();
});
