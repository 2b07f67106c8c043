import { afterEach, expect, test, vi } from 'vitest';
import { NO_USAGE, type RedisConnection } from '../../src/server/cache/redis-connection.ts';
import { emptiedText } from '../../src/server/cache/redis-emptied.ts';
import { RedisWatch } from '../../src/server/redis-watch.ts';

const holding = (keys: number, usedBytes = 1_000_000, marked = false) => ({ keys, usedBytes, maxBytes: 0, marked });

test('a Redis that lost more than nine tenths of many keys at once was emptied', () => {
  expect(emptiedText(holding(1_000), holding(0))).toBe(
    'Redis was emptied: it held 1000 keys, and now 0; reads fill it again from PostgreSQL',
  );
  // Reads fill it again at once: a few are there when one looks.
  expect(emptiedText(holding(1_000), holding(100))).toContain('it held 1000 keys, and now 100;');
});

test('one that evicts, grows, or held few was not', () => {
  expect(emptiedText(holding(1_000), holding(101))).toBeUndefined();
  expect(emptiedText(holding(1_000), holding(5_000))).toBeUndefined();
  expect(emptiedText(holding(99), holding(0))).toBeUndefined();
  expect(emptiedText(holding(100), holding(0))).toBeDefined();
});

test('one that did not answer is not taken for an empty one', () => {
  expect(emptiedText(holding(1_000), holding(0, 0))).toBeUndefined();
});

test('one whose memories were purged keeps the mark, and was not emptied', () => {
  expect(emptiedText(holding(1_000), holding(0, 1_000_000, true))).toBeUndefined();
});

afterEach(() => {
  vi.useRealTimers();
});

test('one that was away and came back empty was emptied, and told of once', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  const looks = [holding(500, 1_000, true), NO_USAGE, NO_USAGE, holding(3), holding(8, 1_000, true)];
  const usage = vi.fn(async (_mark: string) => looks.shift() ?? NO_USAGE);
  const told: string[] = [];
  const watch = new RedisWatch({ usage } as unknown as RedisConnection, 'mark', (text) => told.push(text));
  await vi.advanceTimersByTimeAsync(3_000);
  expect(watch.usage).toBe(NO_USAGE);
  expect(told).toEqual([]);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(told).toEqual([expect.stringContaining('it held 500 keys, and now 3;')]);
  expect(usage).toHaveBeenCalledWith('mark');
  watch.close();
});
