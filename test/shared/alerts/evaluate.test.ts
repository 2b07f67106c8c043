import { expect, test } from 'vitest';
import { BUILT_IN_RULES } from '../../../src/shared/alerts/built-in.ts';
import { type AlertState, evaluate, NO_ALERTS } from '../../../src/shared/alerts/evaluate.ts';
import { type RuleText, ruleOf } from '../../../src/shared/alerts/rule.ts';
import { type Stretch, stretchOf } from '../../../src/shared/alerts/stretch.ts';
import { timestampFromMs } from '../../../src/shared/time.ts';
import { emptyFrame, methodStats, trafficFrame } from '../../tui/support/frames.ts';

const START_MS = 1_700_000_000_000;

/** Evaluates a rule second by second; a second is what happened in it. */
function watch(rule: RuleText, seconds: readonly Partial<Parameters<typeof emptyFrame>[0]>[]) {
  const history: Stretch[] = [];
  let state: AlertState = NO_ALERTS;
  const said: string[] = [];
  seconds.forEach((change, second) => {
    const atMs = START_MS + second * 1000;
    history.push(stretchOf(emptyFrame({ at: timestampFromMs(atMs), ...change })));
    const within = (windowMs: number) => history.filter(({ endMs }) => endMs > atMs - windowMs);
    const step = evaluate([ruleOf(rule)], state, { atMs, within });
    state = step.state;
    for (const { kind, text } of step.changes) said.push(`${second} ${kind}: ${text}`);
  });
  return said;
}

const pool = (waiting: number) => {
  const { postgres } = trafficFrame(0);
  return { postgres: postgres && { ...postgres, poolWaiting: waiting } };
};
const memory = (megabytes: number) => ({
  processes: trafficFrame(0).processes.map((process) => ({ ...process, rssBytes: BigInt(megabytes * 1e6) })),
});
const calls = (name: string, count: number, us: number) => ({
  methods: count === 0 ? [] : [methodStats(name, Array(count).fill(us))],
});
const times = <T>(count: number, item: T): T[] => Array(count).fill(item);

test('an alert is raised after its time, not by a shorter trouble', () => {
  const rule = { name: 'pool', when: 'pool.waiting > 2', forMs: 3000 };
  expect(watch(rule, [pool(3), pool(3), pool(2), pool(3), pool(3), pool(3), pool(4)])).toEqual([
    '6 raised: pool.waiting 4 > 2 for 3s',
  ]);
});

test('a value between threshold and the end of the alert neither raises nor clears', () => {
  const rule = { name: 'memory', when: 'rss > 500MB', forMs: 0, clearForMs: 2000 };
  expect(watch(rule, [470, 510, 490, 455, 501, 440, 460, 449, 449, 449, 510].map(memory))).toEqual([
    '1 raised: rss 510MB > 500MB',
    '9 cleared: rss 449MB, no longer > 500MB',
    '10 raised: rss 510MB > 500MB',
  ]);
});

test('percentiles are of the whole window, and of enough calls', () => {
  const rule = { name: 'slow', when: 'GetMemory.p95 > 200ms', windowMs: 3000, forMs: 0, clearForMs: 0 };
  const slow = calls('GetMemory', 10, 400_000);
  const fast = calls('GetMemory', 1000, 1000);
  // 10 calls are too few to judge by; ten slow ones among a thousand are not the 95th.
  expect(watch(rule, [slow, fast, slow, slow, slow, fast])).toEqual([
    expect.stringMatching(/^4 raised: GetMemory p95 400ms > 200ms/),
    expect.stringMatching(/^5 cleared: GetMemory p95 /),
  ]);
});

test('a rule about each method raises an alert for each, and that of a method without calls is over', () => {
  const rule = { name: 'slow', when: '*.p95 > 200ms', windowMs: 2000, forMs: 0, clearForMs: 0 };
  const both = { methods: ['GetMemory', 'SaveMemory'].map((name) => methodStats(name, Array(30).fill(300_000))) };
  expect(watch(rule, [both, calls('SaveMemory', 30, 300_000), calls('SaveMemory', 30, 300_000)])).toEqual([
    '0 raised: GetMemory p95 300ms > 200ms',
    '0 raised: SaveMemory p95 300ms > 200ms',
    '2 cleared: GetMemory p95 > 200ms is over: nothing to judge by',
  ]);
});

test('exports and watches are no part of the latency of each method', () => {
  const rule = { name: 'slow', when: '*.p95 > 200ms', forMs: 0 };
  const long = ['ExportMemories', 'WatchStats'].map((name) => methodStats(name, Array(30).fill(60e6)));
  expect(watch(rule, times(3, { methods: long }))).toEqual([]);
});

test('built-in rules stay silent about a busy server that is well', () => {
  const seconds = Array.from({ length: 90 }, (_, second) => trafficFrame(second));
  for (const rule of BUILT_IN_RULES) {
    const history = seconds.map((frame) => stretchOf({ ...frame, events: [] }));
    let state: AlertState = NO_ALERTS;
    for (const [i, { endMs }] of history.entries()) {
      const within = (windowMs: number) => history.slice(Math.max(0, i + 1 - windowMs / 1000), i + 1);
      const step = evaluate([rule], state, { atMs: endMs, within, fleet: { targets: 1, down: 0 } });
      state = step.state;
      expect(step.changes, rule.name).toEqual([]);
    }
  }
});

test('a server that cannot be reached is an alert where servers are counted, and none elsewhere', () => {
  const rules = BUILT_IN_RULES.filter(({ name }) => name === 'target-down');
  const within = () => [];
  const at = (atMs: number, fleet?: { targets: number; down: number }) => ({ atMs, within, fleet });
  const first = evaluate(rules, NO_ALERTS, at(0, { targets: 3, down: 1 }));
  const second = evaluate(rules, first.state, at(6000, { targets: 3, down: 1 }));
  expect(second.changes).toMatchObject([
    { kind: 'raised', severity: 'critical', text: 'a server that is watched does not answer for 5s' },
  ]);
  expect(evaluate(rules, second.state, at(7000, { targets: 3, down: 0 })).changes).toMatchObject([{ kind: 'cleared' }]);
  expect(evaluate(rules, NO_ALERTS, at(0)).state.size).toBe(0);
});
