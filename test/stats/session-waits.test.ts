import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { SessionWaits } from '../../src/server/session-waits.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
});
afterEach(() => {
  vi.useRealTimers();
});

test('what is seen is added up, a look a second', async () => {
  const seen = [{ 'Lock tuple': 2 }, { 'Lock tuple': 1, 'IO WALSync': 4 }, {}];
  const waits = new SessionWaits(async () => new Map(Object.entries(seen.shift() ?? {})));
  expect(waits.gauges).toEqual({ looks: 0, sessions: new Map() });
  await vi.advanceTimersByTimeAsync(3_000);
  expect(waits.gauges.looks).toBe(3);
  expect([...waits.gauges.sessions]).toEqual([
    ['Lock tuple', 3],
    ['IO WALSync', 4],
  ]);
  waits.close();
});

test('a database that is away or slow is no look, is not asked twice at a time, and is asked again', async () => {
  let answer: ((sessions: Map<string, number>) => void) | undefined;
  let asked = 0;
  const waits = new SessionWaits(() => {
    asked++;
    if (asked === 1) return Promise.reject(new Error('away'));
    return new Promise((resolve) => {
      answer = resolve;
    });
  });
  await vi.advanceTimersByTimeAsync(1_000);
  expect(waits.gauges.looks).toBe(0);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(asked).toBe(2);
  answer?.(new Map([['Lock tuple', 1]]));
  await vi.advanceTimersByTimeAsync(1_000);
  expect(asked).toBe(3);
  expect(waits.gauges).toEqual({ looks: 1, sessions: new Map([['Lock tuple', 1]]) });
  waits.close();
});

test('closed, it asks nobody any more', async () => {
  const look = vi.fn(async () => new Map<string, number>());
  const waits = new SessionWaits(look);
  await vi.advanceTimersByTimeAsync(2_000);
  waits.close();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(look).toHaveBeenCalledTimes(2);
  expect(vi.getTimerCount()).toBe(0);
});
