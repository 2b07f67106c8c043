import { expect, test } from 'vitest';
import { emptiedText } from '../../src/server/cache/redis-emptied.ts';

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
