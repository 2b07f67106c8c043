import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Breaker } from '../../src/server/cache/breaker.ts';

const OPTIONS = { failures: 3, windowMs: 1_000, minPauseMs: 100, maxPauseMs: 400 };
const SLOW = new Error('slow');

describe('the breaker', () => {
  let works: boolean;
  let probes: number;
  let opened: string[];
  let breaker: Breaker;

  beforeEach(async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    works = true;
    probes = 0;
    opened = [];
    breaker = new Breaker(
      async () => {
        probes++;
        if (!works) throw SLOW;
      },
      (cause) => opened.push(cause.message),
      OPTIONS,
    );
    await breaker.probeNow();
  });
  afterEach(() => {
    breaker.stop();
    vi.useRealTimers();
  });

  it('is open until a first probe succeeds', async () => {
    const other = new Breaker(
      async () => {},
      () => {},
      OPTIONS,
    );
    expect(other.isOpen).toBe(true);
    await other.probeNow();
    expect(other.isOpen).toBe(false);
  });

  it('opens at three failures within a second, and tells so once', () => {
    breaker.failed(SLOW);
    breaker.failed(SLOW);
    expect(breaker.isOpen).toBe(false);
    breaker.failed(SLOW);
    breaker.failed(SLOW);
    expect(breaker.isOpen).toBe(true);
    expect(opened).toEqual(['slow']);
  });

  it('bears failures that are further apart', async () => {
    for (let n = 0; n < 10; n++) {
      breaker.failed(SLOW);
      await vi.advanceTimersByTimeAsync(600);
    }
    expect(breaker.isOpen).toBe(false);
  });

  it('closes by a probe in the background', async () => {
    breaker.open(SLOW);
    await vi.advanceTimersByTimeAsync(100);
    expect(breaker.isOpen).toBe(false);
  });

  it('probes with growing pauses while it does not work', async () => {
    works = false;
    probes = 0;
    breaker.open(SLOW);
    await vi.advanceTimersByTimeAsync(100 + 200 + 400 + 400);
    expect(probes).toBe(4);
    works = true;
    await vi.advanceTimersByTimeAsync(400);
    expect(breaker.isOpen).toBe(false);
    breaker.open(SLOW);
    await vi.advanceTimersByTimeAsync(100);
    expect(breaker.isOpen).toBe(false);
  });

  it('does not probe once stopped', async () => {
    breaker.open(SLOW);
    breaker.stop();
    probes = 0;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(probes).toBe(0);
    expect(breaker.isOpen).toBe(true);
  });
});
