import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { EventKind } from '../../src/shared/gen/memoryhub/v1/stats_service.ts';
import { durationFromMs, timestampFromMs } from '../../src/shared/time.ts';
import { AlertFile } from '../../src/tui/alert-file.ts';
import type { Command } from '../../src/tui/keys.ts';
import type { Event } from '../../src/tui/state/event.ts';
import { reduce } from '../../src/tui/state/reduce.ts';
import { initialState, type MonitorState } from '../../src/tui/state/state.ts';
import { textWidth } from '../../src/tui/terminal/line.ts';
import { shownAlerts } from '../../src/tui/widgets/alert-line.ts';
import { drawn } from './support/drawn.ts';
import { emptyFrame, methodStats, NOW_MS } from './support/frames.ts';
import { expectGolden } from './support/golden.ts';
import { stateAfter } from './support/screens.ts';

const RAISED = EventKind.ALERT_RAISED;
const CLEARED = EventKind.ALERT_CLEARED;
const STARTED = EventKind.SERVER_STARTED;

function second(at: number, told: readonly (readonly [kind: EventKind, text: string])[] = [], waiting = 0): Event {
  const atMs = NOW_MS + at * 1000;
  const events = told.map(([kind, text]) => ({ at: timestampFromMs(atMs), kind, text }));
  const shed = waiting === 0 ? [] : [{ reason: 'OVERLOADED', count: BigInt(waiting) }];
  const frame = emptyFrame({ at: timestampFromMs(atMs), events, shed, covered: durationFromMs(1000) });
  return { kind: 'frame', frame, receivedMs: atMs };
}

test('an alert of a rule only the server has is shown until the server says it is over', () => {
  const raised = [second(0), second(1, [[RAISED, 'quota/SaveMemory: SaveMemory rate 12 > 10 (CRITICAL)']])];
  const state = stateAfter(raised);
  expect(shownAlerts(state)).toMatchObject([
    { key: 'quota/SaveMemory', severity: 'critical', text: 'SaveMemory rate 12 > 10', raisedMs: NOW_MS + 1000 },
  ]);
  const over = second(2, [[CLEARED, 'quota/SaveMemory: SaveMemory rate 3, no longer > 10']]);
  expect(shownAlerts(stateAfter([...raised, over]))).toEqual([]);
});

test('a server that begins anew has forgotten its alerts, so the monitor does too', () => {
  const state = stateAfter([
    second(0, [[RAISED, 'quota: quota is short (WARN)']]),
    second(1, [[STARTED, 'server started, version 1.4.0']]),
  ]);
  expect(shownAlerts(state)).toEqual([]);
});

test('an alert of a rule both have is shown once, as alert and as event', () => {
  const state = stateAfter([second(0), second(1, [[RAISED, 'shed: shed 5 > 0 (WARN)']], 5)]);
  expect(shownAlerts(state).map(({ rule }) => rule)).toEqual(['shed']);
  expect(state.events.filter(({ text }) => text.startsWith('shed: '))).toHaveLength(1);
});

test.each([
  [100, 10],
  [250, 10],
  [500, 10],
  [1000, 10],
  [2000, 5],
])('frames of %i ms: in ten seconds the rules are asked %i times', (everyMs, times) => {
  let state = stateAfter([second(0)]);
  const judged = new Set<number | undefined>();
  for (let at = everyMs; at <= 10_000; at += everyMs) {
    // No two frames come quite as far apart as was asked for.
    const atMs = NOW_MS + at + (at % 3) * 7;
    const frame = emptyFrame({ at: timestampFromMs(atMs), covered: durationFromMs(everyMs) });
    state = reduce(state, { kind: 'frame', frame, receivedMs: atMs });
    judged.add(state.targets[0]?.judgedMs);
  }
  judged.delete(NOW_MS);
  expect(judged.size).toBe(times);
});

test('an alert the server raises between two judgements of ours is shown with its frame', () => {
  const between: Event = {
    kind: 'frame',
    frame: emptyFrame({
      at: timestampFromMs(NOW_MS + 100),
      covered: durationFromMs(100),
      events: [{ at: timestampFromMs(NOW_MS + 90), kind: RAISED, text: 'quota: quota is short (WARN)' }],
    }),
    receivedMs: NOW_MS + 110,
  };
  expect(shownAlerts(stateAfter([second(0), between])).map(({ rule }) => rule)).toEqual(['quota']);
});

test('an event that has no room in its row is told in full after Enter, with its day, until Esc', async () => {
  const long = `worker 3 of プラットフォーム died (SIGKILL) ${'and was replaced by another one '.repeat(6)}at last`;
  const told = [second(0), second(1, [[EventKind.WORKER_RESTARTED, long]]), second(2, [[STARTED, 'server started']])];
  const at = async (columns: number, rows: number, ...keys: readonly Command[]) => {
    const commands = (['go-events', ...keys] as const).map((command): Event => ({ kind: 'command', command }));
    return (await drawn([...told, ...commands], { columns, rows })).rows;
  };
  expect((await at(80, 24, 'down')).join('\n')).not.toContain('at last');
  for (const [columns, rows] of [
    [60, 15],
    [80, 24],
    [100, 30],
  ] as const) {
    const open = await at(columns, rows, 'down', 'open');
    expect(open.join('\n')).toMatch(/2026-11-23 14:22:08 UTC[\s\S]*at last/);
    for (const row of open.slice(2, -1)) expect(textWidth(row.trimEnd()), row).toBe(columns);
    expectGolden(`event-open-${columns}x${rows}`, open);
  }
  // The cursor moves on: the next one is open.
  expect((await at(80, 24, 'down', 'open', 'up')).join('\n')).toMatch(/14:22:09 UTC\s+│\s+│\s+server started/);
  expect(await at(80, 24, 'down', 'open', 'back')).toEqual(await at(80, 24, 'down'));
});

test('the file has a line when an alert is raised and one when it is over, whoever raised it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'alert-file-'));
  const path = join(folder, 'alerts.jsonl');
  const file = new AlertFile(path);
  let state: MonitorState = initialState('127.0.0.1:50051', NOW_MS);
  const events = [
    second(0, [], 5),
    second(1, [[RAISED, 'quota: quota is short (WARN)']], 0),
    second(3, [[CLEARED, 'quota: quota is short: over']]),
    ...Array.from({ length: 60 }, (_, i) => second(4 + i)),
  ];
  for (const event of events) {
    state = reduce(state, event);
    file.write(state.alertLog);
  }
  const lines = readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines.map(({ alert, rule }) => `${alert} ${rule}`)).toEqual([
    'raised shed',
    'raised quota',
    'cleared quota',
    'cleared shed',
  ]);
  expect(lines[2]).toMatchObject({ lasted_s: 2, at: new Date(NOW_MS + 3000).toISOString(), target: '127.0.0.1:50051' });
  rmSync(folder, { recursive: true });
});

test('of several servers the header counts those that answer, and the events name each with its version', async () => {
  const names = ['10.0.0.1:50051', '10.0.0.2:50051', '10.0.0.3:50051'];
  const frame = (target: string, i: number): Event => ({
    kind: 'frame',
    target,
    receivedMs: NOW_MS + 12,
    frame: emptyFrame({
      replica: target,
      bootId: `0193570e-0000-7000-8000-0000000000a${i}`,
      version: i === 1 ? '1.5.0' : '1.4.0',
      methods: [methodStats('GetMemory', [1000, 2000])],
    }),
  });
  const events: readonly Event[] = [
    { kind: 'targets', names },
    ...names.map((target): Event => ({ kind: 'connection', connection: { phase: 'live' }, target })),
    ...names.map(frame),
    {
      kind: 'connection',
      target: names[2] as string,
      connection: {
        phase: 'retrying',
        problem: { code: 'UNAVAILABLE', text: 'connection refused' },
        retryAtMs: NOW_MS + 9000,
      },
    },
    { kind: 'command', command: 'go-events' },
  ];
  const { rows } = await drawn(events, { columns: 120, rows: 36 });
  expectGolden('events-servers-120x36', rows);
  const text = rows.join('\n');
  expect(text).toContain('LIVE 2 of 3]  ! 10.0.0.3:50051 down 0s');
  expect(text).toContain('! 2 versions');
  expect(text).toMatch(/10\.0\.0\.3:50051 +! UNAVAILABLE connection/);
});
