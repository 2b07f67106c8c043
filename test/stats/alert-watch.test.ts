import { expect, test } from 'vitest';
import { AlertWatch } from '../../src/server/stats/alert-watch.ts';
import { BUILT_IN_RULES } from '../../src/shared/alerts/built-in.ts';
import { type AlertChange, eventText, readEventText } from '../../src/shared/alerts/evaluate.ts';
import { ruleOf } from '../../src/shared/alerts/rule.ts';
import { timestampFromMs } from '../../src/shared/time.ts';
import { emptyFrame, methodStats } from '../tui/support/frames.ts';

const START_MS = 1_700_000_000_000;

function watched(rules: ConstructorParameters<typeof AlertWatch>[0], latenciesUs: readonly number[]) {
  const changes: AlertChange[] = [];
  const watch = new AlertWatch(rules, (change) => changes.push(change));
  latenciesUs.forEach((us, second) => {
    const at = timestampFromMs(START_MS + second * 1000);
    watch.second(emptyFrame({ at, methods: [methodStats('GetMemory', Array(50).fill(us))] }));
  });
  return changes.map(({ kind, key, atMs }) => [kind, key, (atMs - START_MS) / 1000]);
}

test('a server tells once that a rule is broken, and once that it is kept again', () => {
  const rule = ruleOf({ name: 'slow', when: '*.p95 > 200ms', windowMs: 5000, forMs: 3000, clearForMs: 2000 });
  const seconds = [...Array(10).fill(400_000), ...Array(20).fill(1000)];
  const changes = watched([rule], seconds);
  expect(changes.map(([kind, key]) => [kind, key])).toEqual([
    ['raised', 'slow/GetMemory'],
    ['cleared', 'slow/GetMemory'],
  ]);
  expect(changes[0]?.[2]).toBe(3);
  // The last slow second leaves the window of 5 s at the 15th; then it has to stay well for 2 s.
  expect(changes[1]?.[2]).toBeGreaterThanOrEqual(15);
  expect(changes[1]?.[2]).toBeLessThanOrEqual(17);
});

test('a rule about how many servers answer is none for a server', () => {
  const rule = ruleOf({ name: 'lonely', when: 'targets < 2', forMs: 0 });
  expect(watched([rule], [1000, 1000])).toEqual([]);
  expect(watched(BUILT_IN_RULES, [1000, 1000])).toEqual([]);
});

test.each(['raised', 'cleared'] as const)('what an event says of an alert that is %s can be read again', (kind) => {
  const change: AlertChange = {
    kind,
    key: 'slow/Health/Check',
    rule: 'slow',
    severity: kind === 'raised' ? 'critical' : 'warning',
    atMs: START_MS,
    text: 'Health/Check p95 264ms > 200ms for 15s',
  };
  const { key, rule, severity, text } = change;
  expect(readEventText(eventText(change))).toEqual({ key, rule, severity, text });
  expect(readEventText('worker 2 died (SIGKILL) and was replaced')).toBeUndefined();
});
