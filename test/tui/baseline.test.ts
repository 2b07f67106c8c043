import { expect, test } from 'vitest';
import { LatencyHistogram } from '../../src/shared/histogram.ts';
import { durationFromMs, timestampFromMs } from '../../src/shared/time.ts';
import { commandOf } from '../../src/tui/keys.ts';
import { errorChange, percentileChange } from '../../src/tui/state/change.ts';
import type { Event } from '../../src/tui/state/event.ts';
import { methodDetail } from '../../src/tui/state/method-detail.ts';
import { methodRows } from '../../src/tui/state/method-rows.ts';
import { errorSeries } from '../../src/tui/state/series.ts';
import { shownSummary } from '../../src/tui/state/state.ts';
import { summarize } from '../../src/tui/state/summary.ts';
import { changeCell, pointsCell } from '../../src/tui/widgets/change-cell.ts';
import { drawn } from './support/drawn.ts';
import { emptyFrame, methodStats, NOW_MS, random, trafficFrame } from './support/frames.ts';
import { expectGolden } from './support/golden.ts';
import { busyEvents, stateAfter } from './support/screens.ts';

const pressed = (...keys: readonly string[]): readonly Event[] =>
  keys.map((key) => {
    const command = commandOf(key);
    if (command === undefined) throw new Error(`${key} is no key`);
    return { kind: 'command', command };
  });

/** A quiet minute, marked; then a minute in which SaveMemory takes twice as long and one call of ten fails. */
function slowedDown(): readonly Event[] {
  return [...busyEvents(), ...pressed('b'), ...Array.from({ length: 60 }, (_, i) => slowFrame(i))];
}

function slowFrame(i: number): Event {
  const frame = trafficFrame(60 + (i % 60));
  const methods = frame.methods.map((method) => {
    if (!method.method.endsWith('/SaveMemory')) return method;
    const latencies = Array.from({ length: 300 }, (_, n) => 4000 + 40 * n);
    const codes = [
      { code: 0 as const, count: 270n },
      { code: 13 as const, count: 30n },
    ];
    return methodStats('SaveMemory', latencies, { codes });
  });
  const at = timestampFromMs(NOW_MS + (i + 1) * 1000);
  return { kind: 'frame', frame: { ...frame, methods, at, events: [] }, receivedMs: NOW_MS + (i + 1) * 1000 + 12 };
}

test('the baseline is the stretch in sight, and stays what it was while time goes on', () => {
  const marked = stateAfter([...busyEvents(), ...pressed('b')]);
  expect(marked.baseline).toMatchObject({ fromMs: NOW_MS - 60_000, toMs: NOW_MS });
  const later = stateAfter(slowedDown());
  expect(later.baseline).toEqual(marked.baseline);
  expect(stateAfter([...slowedDown(), ...pressed('b')]).baseline).toBeUndefined();
});

test('a paused view marks what it shows, not what happens now', () => {
  const { baseline } = stateAfter([...busyEvents(), ...pressed('space', '{', '{', 'b')]);
  expect(baseline?.toMs).toBe(NOW_MS - 20_000);
});

test('without a frame there is nothing to mark, and without a baseline nothing to compare with: both are told', () => {
  expect(stateAfter(pressed('b')).view.notice).toBe('there is nothing in sight to mark');
  const state = stateAfter([...busyEvents(), ...pressed('d')]);
  expect(state.view.notice).toContain('no baseline');
  expect(state.view.difference).toBe(false);
});

test('the table tells changes, with a sign at what got worse', async () => {
  const { rows } = await drawn([...slowedDown(), ...pressed('d')], { columns: 100, rows: 30 });
  expectGolden('baseline-overview-100x30', rows);
  const save = rows.find((row) => row.includes('SaveMemory'));
  expect(save).toMatch(/!\+\d+(\.\d+)?pp/);
  expect(save).toMatch(/! \+\d+%/);
  const others = rows.filter((row) => /(Get|List|Update)Memor/.test(row));
  expect(others.length).toBeGreaterThan(2);
  expect(others.join('\n')).not.toContain('!');
});

test('while changes are shown, s sorts by them: what got worst is first, r turns it round', () => {
  const rowsAfter = (...keys: readonly string[]) => {
    const state = stateAfter([...slowedDown(), ...pressed('d', ...keys)]);
    return { sort: state.view.sort, names: methodRows(shownSummary(state).methods, state).map(({ name }) => name) };
  };
  // In calls a second BatchGetMemories is the first, with and without the change.
  expect(rowsAfter('d').names[0]).toBe('BatchGetMemories');
  expect(rowsAfter('s')).toMatchObject({ sort: 'errors' });
  expect(rowsAfter('s').names[0]).toBe('SaveMemory');
  expect(rowsAfter('s', 's', 's')).toMatchObject({ sort: 'p50' });
  expect(rowsAfter('s', 's', 's').names[0]).toBe('SaveMemory');
  expect(rowsAfter('s', 's', 's', 'r').names.at(-1)).toBe('SaveMemory');
  // Of the slowest calls its own are a tenth of what they were.
  expect(rowsAfter('s', 's', 's', 's', 's', 's').names.at(-2)).toBe('SaveMemory');
  // What has no change to tell of is last.
  expect(rowsAfter('s', 's', 's').names.at(-1)).toBe('WatchStats');
});

test('a method tells each percentile against the baseline', async () => {
  const { rows } = await drawn([...slowedDown(), ...pressed('j', 'j', 'enter', 'd')], { columns: 100, rows: 30 });
  expectGolden('baseline-method-100x30', rows);
  const { before, window } = methodDetail(stateAfter([...slowedDown(), ...pressed('j', 'j', 'enter')]), 'SaveMemory');
  expect(before?.latency.percentile(0.5)).toBeLessThan(4000);
  expect(window?.latency.percentile(0.5)).toBeGreaterThan(8000);
});

test('what differs by chance is not called worse, what differs beyond it is', () => {
  const sample = (seed: number, count: number, factor: number) => {
    const dice = random(seed);
    const latency = new LatencyHistogram();
    for (let i = 0; i < count; i++) latency.record(1000 * factor * -Math.log(1 - dice()));
    return latency;
  };
  const alarms = Array.from({ length: 200 }, (_, i) =>
    percentileChange(sample(i + 1, 1000, 1), sample(i + 10_001, 1000, 1), 0.99),
  ).filter((change) => change?.worse);
  expect(alarms.length).toBeLessThan(6);
  expect(percentileChange(sample(1, 1000, 1), sample(2, 1000, 2), 0.99)?.worse).toBe(true);
  expect(percentileChange(sample(1, 1000, 2), sample(2, 1000, 1), 0.99)?.worse).toBe(false);
  // Of twenty calls nobody knows the slowest of a hundred.
  expect(percentileChange(sample(1, 20, 1), sample(2, 20, 3), 0.99)?.worse).toBe(false);
  expect(percentileChange(sample(1, 20, 1), new LatencyHistogram(), 0.99)).toBeUndefined();
});

test('errors are worse by points, beyond chance only', () => {
  const of = (errors: number, calls: number) => {
    const codes = [
      { code: 0 as const, count: BigInt(calls - errors) },
      { code: 13 as const, count: BigInt(errors) },
    ];
    const latencies = Array.from({ length: calls }, () => 1000);
    const state = stateAfter([
      {
        kind: 'frame',
        frame: emptyFrame({ methods: [methodStats('GetMemory', latencies, { codes })] }),
        receivedMs: NOW_MS,
      },
    ]);
    return summarize(state.history).total;
  };
  expect(errorChange(of(1, 1000), of(30, 1000))).toMatchObject({ before: 0.001, now: 0.03, worse: true });
  expect(errorChange(of(1, 1000), of(3, 1000))?.worse).toBe(false);
  expect(pointsCell(errorChange(of(1, 1000), of(30, 1000)))).toMatchObject({ text: '!+2.9pp' });
});

test.each([
  [100, 194, '+94%'],
  [100, 88, '-12%'],
  [100, 100, '0%'],
  [10, 140, 'x14'],
  [0, 5, 'new'],
])('%d before and %d now reads %s', (before, now, text) => {
  expect(changeCell({ before, now, worse: false })).toBe(text);
});

test('m goes through the graphs and e gives one the whole screen; Esc takes it back first', async () => {
  const inMethod = [...busyEvents(), ...pressed('2', 'j', 'enter')];
  for (const [count, title] of ['p99 over time', 'Calls/s', 'Errors', 'Latency'].entries()) {
    const keys = Array.from({ length: count }, () => 'm');
    const { rows } = await drawn([...inMethod, ...pressed(...keys, 'e')], { columns: 100, rows: 30 });
    expectGolden(`graph-${title.slice(0, 3).toLowerCase()}-100x30`, rows);
    expect(rows[2]).toContain(title);
    expect(rows.join('\n')).not.toContain('Status codes');
  }
  const back = stateAfter([...inMethod, ...pressed('e', 'escape')]);
  expect(back.view).toMatchObject({ screen: 'method', expanded: false });
});

test('the share of errors along time is of the calls that ended in each column', () => {
  const codes = [
    { code: 0 as const, count: 3n },
    { code: 1 as const, count: 4n },
    { code: 13 as const, count: 1n },
  ];
  const frame = emptyFrame({
    methods: [methodStats('GetMemory', [1, 2, 3, 4, 5, 6, 7, 8], { codes })],
    covered: durationFromMs(1000),
  });
  const { history } = stateAfter([{ kind: 'frame', frame, receivedMs: NOW_MS }]);
  expect(errorSeries(history, { endMs: NOW_MS, columnMs: 1000, columns: 3 })).toEqual([undefined, undefined, 0.125]);
});

test('the graph of a method has the line of its service level where the scale reaches it', async () => {
  const latencies = [150_000, 180_000, 260_000];
  const frame = (second: number) =>
    emptyFrame({
      at: timestampFromMs(NOW_MS - second * 1000),
      methods: [methodStats('GetMemory', second === 5 ? latencies : [1000])],
    });
  const events = Array.from({ length: 30 }, (_, i): Event => {
    return { kind: 'frame', frame: frame(29 - i), receivedMs: NOW_MS };
  });
  const { rows } = await drawn([...events, ...pressed('enter')], { columns: 100, rows: 30 });
  const line = rows.find((row) => row.includes('SLO p95 200ms'));
  expect(line).toMatch(/─ ─ ─/);
  const fast = await drawn([...busyEvents(), ...pressed('enter')], { columns: 100, rows: 30 });
  expect(fast.rows.join('\n')).not.toContain('SLO p95');
});
