import { afterEach, describe, expect, test, vi } from 'vitest';
import { parseCondition } from '../../src/shared/alerts/condition.ts';
import type { StatsFrame } from '../../src/shared/gen/memoryhub/v1/stats_service.ts';
import { timestampFromMs } from '../../src/shared/time.ts';
import { parseMonitorArgs } from '../../src/tui/args.ts';
import { runAsserts } from '../../src/tui/run-asserts.ts';
import { LiveSource } from '../../src/tui/source/live.ts';
import { ReplaySource } from '../../src/tui/source/replay.ts';
import { initialState } from '../../src/tui/state/state.ts';
import { Store } from '../../src/tui/state/store.ts';
import { emptyFrame, methodStats, NOW_MS, trafficFrame } from './support/frames.ts';
import { startStatsServer } from './support/stats-server.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
  vi.restoreAllMocks();
});

/** A frame of each second: so many calls of GetMemory, each so long. */
const seconds = (calls: readonly (readonly [count: number, us: number])[]): StatsFrame[] =>
  calls.map(([count, us], i) =>
    emptyFrame({
      at: timestampFromMs(NOW_MS + i * 1000),
      methods: count === 0 ? [] : [methodStats('GetMemory', Array(count).fill(us))],
    }),
  );

async function held(
  frames: readonly StatsFrame[],
  conditions: readonly string[],
  { forMs, windowMs }: { forMs?: number; windowMs?: number } = {},
) {
  const source = new ReplaySource({
    target: 'a.rec',
    messages: frames.map((frame) => ({ frame, target: '' })),
    speed: 0,
  });
  const printed: string[] = [];
  const code = await runAsserts(new Store(initialState('a.rec', 0)), source, {
    conditions: conditions.map(parseCondition),
    forMs,
    windowMs,
    json: false,
    print: (text) => printed.push(...text.split('\n')),
  });
  return { code, printed };
}

describe('of a recording', () => {
  test('each condition is judged, and one that is broken makes the exit code 1', async () => {
    const frames = Array.from({ length: 60 }, (_, second) => trafficFrame(second));
    expect(await held(frames, ['GetMemory.p99<50ms', 'api.faults < 1%', 'postgres.up == 1'])).toEqual({
      code: 0,
      printed: [
        expect.stringMatching(/^held {4}GetMemory p99 < 50ms {2}worst \d\.\dms$/),
        expect.stringMatching(/^held {4}api faults < 1% {2}worst 0(\.\d+)?%$/),
        'held    postgres.up == yes  worst yes',
      ],
    });
    const { code, printed } = await held(frames, ['GetMemory.p99<50ms', 'GetMemory.p50<100us']);
    expect(code).toBe(1);
    expect(printed[1]).toMatch(
      /^broken {2}GetMemory p50 < 100us {2}worst \d{3}us, first at \d\d:\d\d:\d\dZ, 1 of 1 times$/,
    );
  });

  test('a percentile is that of the whole stretch, not of a frame', async () => {
    const frames = seconds([[1, 900_000], ...Array(9).fill([100, 1000])]);
    expect((await held(frames, ['GetMemory.p99 < 50ms'])).code).toBe(0);
    expect((await held(frames, ['GetMemory.max < 50ms'])).code).toBe(1);
  });

  test('with a window it slides over the stretch, and every place of it must hold', async () => {
    const frames = seconds([...Array(4).fill([100, 1000]), [100, 90_000], ...Array(10).fill([100, 1000])]);
    expect((await held(frames, ['GetMemory.p90 < 50ms'])).code).toBe(0);
    const { code, printed } = await held(frames, ['GetMemory.p90 < 50ms'], { windowMs: 3000 });
    expect(code).toBe(1);
    expect(printed[0]).toContain('3 of 13 times');
  });

  test('what is so at a moment is judged with every frame', async () => {
    const frames = Array.from({ length: 10 }, (_, second) => trafficFrame(second));
    const postgres = frames[5]?.postgres;
    if (postgres !== undefined) postgres.poolWaiting = 7;
    expect(await held(frames, ['pool.waiting == 0'])).toEqual({
      code: 1,
      printed: [expect.stringMatching(/^broken {2}pool\.waiting == 0 {2}worst 7, first at 14:20:13Z, 1 of 10 times$/)],
    });
  });

  test('--for ends it: what comes later does not count', async () => {
    const frames = seconds([...Array(5).fill([10, 1000]), ...Array(5).fill([10, 90_000])]);
    expect((await held(frames, ['GetMemory.max < 50ms'], { forMs: 5000 })).code).toBe(0);
    expect((await held(frames, ['GetMemory.max < 50ms'], { forMs: 6000 })).code).toBe(1);
  });

  test('without a call there is nothing to judge by, which is no success', async () => {
    expect(await held(seconds(Array(5).fill([0, 0])), ['GetMemory.p99 < 50ms'])).toEqual({
      code: 1,
      printed: [expect.stringContaining('unknown GetMemory p99 < 50ms  nothing to judge by')],
    });
  });

  test('of a condition about each method the worst is named', async () => {
    const { code, printed } = await held([trafficFrame(1)], ['*.p50 < 4ms']);
    expect(code).toBe(1);
    expect(printed[0]).toMatch(/worst BatchGetMemories 6(\.\d)?ms/);
  });
});

describe('of a server', () => {
  test('the past it sends again does not count', async () => {
    const now = Date.now();
    const at = (ms: number, us: number, replayed = false) =>
      emptyFrame({ at: timestampFromMs(now + ms), replayed, methods: [methodStats('GetMemory', Array(20).fill(us))] });
    const server = await startStatsServer({ onWatch: () => [at(-1000, 900_000, true), at(0, 1000), at(1000, 1000)] });
    closers.push(server.kill);
    const source = new LiveSource({ address: server.address, settings: { intervalMs: 1000, detailMethods: [] } });
    const options = { conditions: [parseCondition('GetMemory.max < 50ms')], forMs: 2000, windowMs: undefined };
    const store = new Store(initialState(source.target, now));
    expect(await runAsserts(store, source, { ...options, json: false, print: () => {} })).toBe(0);
  });

  test('one that cannot be watched is no success, and says why', async () => {
    const server = await startStatsServer({ onWatch: () => [] });
    server.kill();
    const said = vi.spyOn(console, 'error').mockImplementation(() => {});
    const source = new LiveSource({ address: server.address, settings: { intervalMs: 1000, detailMethods: [] } });
    const printed: string[] = [];
    const code = await runAsserts(new Store(initialState(source.target, 0)), source, {
      conditions: [parseCondition('gc < 50%')],
      forMs: 1000,
      windowMs: undefined,
      json: true,
      print: (text) => printed.push(text),
    });
    expect(code).toBe(1);
    expect(said.mock.calls.join()).toContain('connection refused');
    expect(JSON.parse(printed[0] ?? '')).toMatchObject({ held: false, asserts: [{ result: 'unknown' }] });
  });
});

test.each([
  [['--assert', 'GetMemory.p99'], /--assert .*is no condition/],
  [['--assert', 'gc<1%', '--assert', 'pool.wating>0'], /there is no metric pool\.wating/],
  [['--for', '30s'], /--for is for asserts/],
  [['--assert', 'gc<1%', '--for', 'long'], /--for long: give a time from 1000ms to 86400s/],
])('the command line %j is refused with what is wrong', (argv, message) => {
  expect(() => parseMonitorArgs(argv)).toThrow(message);
});
