import { describe, expect, it } from 'vitest';
import { Lazy } from '../../src/shared/lazy.ts';

describe('Lazy', () => {
  it('is made once, by the first who asks, and not before', async () => {
    let made = 0;
    const lazy = new Lazy(async () => ++made);
    expect(lazy.begun).toBeUndefined();
    expect(await Promise.all([lazy.get(), lazy.get()])).toEqual([1, 1]);
    expect(await lazy.get()).toBe(1);
    expect(await lazy.begun).toBe(1);
  });

  it('fails for those who wait, and is made anew for whoever asks next', async () => {
    let tries = 0;
    const lazy = new Lazy(async () => {
      if (++tries === 1) throw new Error('EMFILE');
      return 'made';
    });
    const outcomes = await Promise.allSettled([lazy.get(), lazy.get()]);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(lazy.begun).toBeUndefined();
    expect(await lazy.get()).toBe('made');
  });
});
