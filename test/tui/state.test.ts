import { describe, expect, test } from 'vitest';
import { LatencyHistogram } from '../../src/shared/histogram.ts';
import { timestampFromMs } from '../../src/shared/time.ts';
import { append, HISTORY_MS } from '../../src/tui/state/history.ts';
import { methodRows } from '../../src/tui/state/method-rows.ts';
import { reduce } from '../../src/tui/state/reduce.ts';
import { gridOf, heatBands, percentileSeries, rateSeries } from '../../src/tui/state/series.ts';
import { slotOf } from '../../src/tui/state/slot.ts';
import { initialState, type MonitorState, shownEndMs, shownSummary } from '../../src/tui/state/state.ts';
import { summarize } from '../../src/tui/state/summary.ts';
import { emptyFrame, methodStats, NOW_MS, random, trafficFrame } from './support/frames.ts';
import { busyEvents, stateAfter } from './support/screens.ts';

const at = (ms: number) => ({ at: timestampFromMs(NOW_MS + ms) });

describe('percentiles', () => {
  test('of a window are those of all its calls, not the mean of its frames', () => {
    // A second of 99 fast calls, then one of a single slow one: the mean of both p99 would be 50.5 ms.
    const slots = [Array<number>(99).fill(1000), [100_000]].map((latencies, i) =>
      slotOf(emptyFrame({ ...at(i * 1000), methods: [methodStats('GetMemory', latencies)] })),
    );
    const [method] = summarize(slots).methods;
    expect(method?.latency.percentile(0.99)).toBeCloseTo(1000, -2);
    expect(method?.latency.max).toBe(100_000);
    expect(method?.completed).toBe(100);
  });

  test('of all methods equal those of one histogram with every call', () => {
    const dice = random(7);
    const latencies = Array.from({ length: 6 }, () => Array.from({ length: 500 }, () => 100 + 1e6 * dice() ** 6));
    const all = new LatencyHistogram();
    for (const us of latencies.flat()) all.record(us);
    const slots = latencies.map((values, i) =>
      slotOf(emptyFrame({ ...at(i * 1000), methods: [methodStats(i % 2 ? 'GetMemory' : 'SaveMemory', values)] })),
    );
    const { latency } = summarize(slots).total;
    for (const quantile of [0.5, 0.9, 0.99, 0.999]) expect(latency.percentile(quantile)).toBe(all.percentile(quantile));
  });

  test('leave out streams that live as long as their reader', () => {
    const watch = { ...methodStats('WatchStats', [3.6e9]), method: 'memoryhub.v1.StatsService/WatchStats' };
    const { total } = summarize([slotOf(emptyFrame({ methods: [methodStats('GetMemory', [500]), watch] }))]);
    expect(total.latency.max).toBe(500);
    expect(total.completed).toBe(2);
  });
});

describe('history', () => {
  test('keeps 15 minutes and no more', () => {
    let history = append([], slotOf(emptyFrame(at(0))));
    for (let second = 1; second <= 1000; second++) history = append(history, slotOf(emptyFrame(at(second * 1000))));
    expect(history).toHaveLength(HISTORY_MS / 1000);
    expect(history.at(-1)?.endMs).toBe(NOW_MS + 1_000_000);
  });

  test('folds old frames of a short interval, and loses no call by it', () => {
    const frame = emptyFrame({
      covered: { seconds: 0n, nanos: 100_000_000 },
      methods: [methodStats('GetMemory', [100, 200])],
    });
    let history: ReturnType<typeof append> = [];
    for (let i = 1; i <= 3000; i++) history = append(history, slotOf({ ...frame, ...at(i * 100) }));
    expect(history.length).toBeLessThan(1300);
    const { methods, coveredMs } = summarize(history);
    expect(coveredMs).toBe(300_000);
    expect(methods[0]?.latency.count).toBe(6000);
    expect(methods[0]?.codes).toEqual([{ code: 0, count: 6000 }]);
  });

  test('does not run backwards with the clock of the server', () => {
    const history = [0, 1000, -5000].reduce(
      (all, ms) => append(all, slotOf(emptyFrame(at(ms)))),
      append([], slotOf(emptyFrame(at(-1000)))),
    );
    expect(history.map(({ endMs }) => endMs - NOW_MS)).toEqual([-1000, 0, 1000, 1000]);
  });
});

describe('a new stream after an interruption', () => {
  const live = (ms: number, change = {}) =>
    ({ kind: 'frame', frame: emptyFrame({ ...at(ms), ...change }), receivedMs: NOW_MS + ms }) as const;

  test('fills the gap from the replay and takes no frame twice', () => {
    const before = stateAfter([live(0), live(1000)]);
    const replay = [-1000, 0, 1000, 2000, 3000].map((ms) => live(ms + 20, { replayed: true }));
    const after = [...replay, live(4000)].reduce(reduce, before);
    expect(after.history.map(({ endMs }) => Math.round((endMs - NOW_MS) / 1000))).toEqual([0, 1, 2, 3, 4]);
  });

  test('with another boot id counts a restart, once', () => {
    const other = { bootId: '0193570e-0000-7000-8000-00000000000b' };
    const after = stateAfter([live(0), live(3000, { ...other, replayed: true }), live(4000, other), live(5000, other)]);
    expect(after.restarts).toBe(1);
    expect(stateAfter([live(0), live(1000)]).restarts).toBe(0);
  });

  test('another replica behind the same address is no restart', () => {
    const other = { bootId: '0193570e-0000-7000-8000-00000000000b', replica: 'hub-2:50051' };
    expect(stateAfter([live(0), live(1000, other), live(2000), live(3000, other)]).restarts).toBe(0);
  });

  test('brings events of the past only once', () => {
    const event = { events: [{ ...at(0), kind: 2 as const, text: 'Redis does not answer' }] };
    const after = stateAfter([live(0, event), live(10, { ...event, replayed: true })]);
    expect(after.events.map(({ text }) => text)).toEqual(['Redis does not answer']);
  });
});

describe('series', () => {
  test('hold every call whatever the number of columns', () => {
    const slots = Array.from({ length: 60 }, (_, i) => slotOf(trafficFrame(60 + i)));
    const calls = slots.reduce(
      (sum, { methods }) => sum + methods.reduce((all, { completed }) => all + completed, 0),
      0,
    );
    for (const columns of [7, 44, 60, 133]) {
      const grid = gridOf(NOW_MS, 60_000, columns);
      const area = rateSeries(slots, grid).reduce<number>((sum, rate) => sum + ((rate ?? 0) * grid.columnMs) / 1000, 0);
      expect(area).toBeCloseTo(calls, 0);
    }
  });

  test('tell time without data from time without calls', () => {
    const slots = [slotOf(emptyFrame(at(-3000))), slotOf(emptyFrame(at(0)))];
    expect(rateSeries(slots, gridOf(NOW_MS, 5000, 5))).toEqual([undefined, 0, undefined, undefined, 0]);
    expect(percentileSeries(slots, gridOf(NOW_MS, 5000, 5), 0.99)).toEqual(Array(5).fill(undefined));
  });

  test('of latency bands add up to the calls of their column', () => {
    const slot = slotOf(
      emptyFrame({ methods: [methodStats('GetMemory', [90, 400, 4000, 40_000, 400_000, 4_000_000])] }),
    );
    const bands = heatBands([slot], gridOf(NOW_MS, 1000, 1), [100, 1000, 10_000]);
    expect(bands.map(([count]) => count)).toEqual([1, 1, 1, 3]);
  });
});

describe('keys', () => {
  const press = (state: MonitorState, ...commands: Parameters<typeof commandEvent>[0][]) =>
    commands.map(commandEvent).reduce(reduce, state);
  const commandEvent = (command: Extract<Parameters<typeof reduce>[1], { kind: 'command' }>['command']) =>
    ({ kind: 'command', command }) as const;

  test('freeze the view while the history goes on, step through it, and return to live', () => {
    const paused = press(stateAfter(busyEvents()), 'pause');
    expect(shownEndMs(paused)).toBe(NOW_MS);
    const later = reduce(paused, { kind: 'frame', frame: emptyFrame(at(1000)), receivedMs: NOW_MS + 1000 });
    expect(shownEndMs(later)).toBe(NOW_MS);
    expect(later.history.at(-1)?.endMs).toBe(NOW_MS + 1000);
    expect(shownEndMs(press(later, 'leap-back', 'step-back'))).toBe(NOW_MS - 11_000);
    expect(shownEndMs(press(later, 'step-forward'))).toBe(NOW_MS + 1000);
    expect(press(later, 'step-forward', 'step-forward').view.pausedAtMs).toBeUndefined();
    expect(press(later, 'live').view.pausedAtMs).toBeUndefined();
  });

  test('sort by every column, both ways', () => {
    let state = stateAfter(busyEvents());
    const names = () => methodRows(shownSummary(state).methods, state).map(({ name }) => name);
    expect(names().slice(0, 2)).toEqual(['BatchGetMemories', 'SaveMemory']);
    state = press(state, 'reverse');
    expect(names().at(-1)).toBe('BatchGetMemories');
    state = press(state, 'reverse', 'sort');
    expect(state.view.sort).toBe('errors');
    expect(names()[0]).toBe('SaveMemory');
    state = press(state, 'sort', 'sort', 'sort', 'sort', 'sort', 'sort');
    expect(state.view.sort).toBe('name');
    expect(names()).toEqual([...names()].sort());
  });

  test('filter by a part of the name; a leading ! inverts; Esc brings the old filter back', () => {
    let state = press(stateAfter(busyEvents()), 'filter');
    state = reduce(state, { kind: 'filter-text', text: 'get' });
    const names = () => methodRows(shownSummary(state).methods, state).map(({ name }) => name);
    expect(names()).toEqual(['BatchGetMemories', 'GetMemory']);
    state = reduce(state, { kind: 'filter-text', text: '!memor' });
    expect(names()).toEqual(['WatchStats']);
    expect(press(state, 'back').view.filter).toBe('');
    expect(press(state, 'open').view).toMatchObject({ filter: '!memor', filterBefore: undefined, screen: 'overview' });
  });

  test('keep the cursor on its method when the order changes', () => {
    const state = press(stateAfter(busyEvents()), 'down', 'reverse', 'open');
    expect(state.view).toMatchObject({ selected: 'SaveMemory', screen: 'method' });
    expect(press(state, 'back').view.screen).toBe('overview');
  });

  test('move the help and not the view below it while it is open', () => {
    const state = press(stateAfter(busyEvents()), 'help', 'down', 'sort', 'pause');
    expect(state.view).toMatchObject({ helpOpen: true, helpTop: 1, sort: 'rate', pausedAtMs: undefined });
    expect(press(state, 'quit').view.helpOpen).toBe(false);
  });

  test('on an empty monitor do no harm', () => {
    const empty = initialState('nowhere', NOW_MS);
    expect(press(empty, 'down', 'up', 'bottom', 'open', 'step-back', 'leap-forward').view.screen).toBe('overview');
  });
});

test('a view frozen for longer than the history reaches shows the oldest frame', () => {
  let state = reduce(stateAfter(busyEvents()), { kind: 'command', command: 'pause' });
  for (let second = 1; second <= 1000; second++) {
    state = reduce(state, { kind: 'frame', frame: emptyFrame(at(second * 1000)), receivedMs: NOW_MS + second * 1000 });
  }
  expect(shownEndMs(state)).toBe(state.history[0]?.endMs);
});
