import { expect, test } from 'vitest';
import { ToldOnce } from '../../src/server/workers/told-once.ts';
import { EventKind, type StatsEvent } from '../../src/shared/gen/memoryhub/v1/stats_service.ts';

const event = (kind: EventKind, text = ''): StatsEvent => ({ at: undefined, kind, text });

test('what all workers see is told by the first of them, each time it happens', () => {
  let now = 0;
  const once = new ToldOnce(() => now);
  const news = (worker: number, kind: EventKind) => once.news(worker, [event(kind)]).length;
  expect(news(2, EventKind.REDIS_LOST)).toBe(1);
  expect(news(1, EventKind.REDIS_LOST)).toBe(0);
  expect(news(1, EventKind.REDIS_BACK)).toBe(1);
  expect(news(2, EventKind.REDIS_BACK)).toBe(0);
  now = 2_000;
  // The same worker again: it was lost once more.
  expect(news(2, EventKind.REDIS_LOST)).toBe(1);
  now = 60_000;
  expect(news(1, EventKind.REDIS_LOST)).toBe(1);
});

test('what happened to one worker alone is always told', () => {
  const once = new ToldOnce(() => 0);
  const restarted = event(EventKind.WORKER_RESTARTED, 'worker 1');
  expect(once.news(0, [restarted, restarted])).toEqual([restarted, restarted]);
  expect(once.news(1, [restarted])).toEqual([restarted]);
});
