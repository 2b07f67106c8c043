import { expect, it } from 'vitest';
import { Backoff, RECONNECT } from '../../src/shared/backoff.ts';

it('backoff grows by the factor up to its cap and starts again after a success', () => {
  const backoff = new Backoff(RECONNECT, () => 0.5);
  const waits = Array.from({ length: 9 }, () => Math.round(backoff.next()));
  expect(waits).toEqual([500, 800, 1280, 2048, 3277, 5243, 8389, 10_000, 10_000]);
  expect(backoff.attempts).toBe(9);
  backoff.reset();
  expect(backoff.next()).toBe(500);
});

it('backoff stays within its jitter and never passes its cap', () => {
  for (const random of [0, 0.25, 1]) {
    const backoff = new Backoff(RECONNECT, () => random);
    expect(backoff.next()).toBeCloseTo(500 * (1 + 0.2 * (2 * random - 1)));
    for (let i = 0; i < 50; i++) expect(backoff.next()).toBeLessThanOrEqual(10_000);
  }
});
