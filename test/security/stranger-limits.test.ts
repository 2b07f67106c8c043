import { describe, expect, it } from 'vitest';
import { ServiceError } from '../../src/server/domain/errors.ts';
import { StrangerLimits } from '../../src/server/security/stranger-limits.ts';

function limits(perSecond: number) {
  const clock = { now: 0 };
  const strangers = new StrangerLimits({ perSecond, now: () => clock.now });
  /** How many of so many attempts are looked into. */
  const taken = (peer: string, attempts: number) => {
    let count = 0;
    for (let attempt = 0; attempt < attempts; attempt++) {
      try {
        strangers.take(peer);
        count += 1;
      } catch (error) {
        if (!(error instanceof ServiceError) || error.reason !== 'RATE_LIMITED') throw error;
      }
    }
    return count;
  };
  return { clock, strangers, taken };
}

describe('the credentials of strangers', () => {
  it('are looked into four seconds’ worth at once, and then as many a second as are let', () => {
    const { clock, taken } = limits(10);
    expect(taken('10.0.0.1', 1_000)).toBe(40);
    clock.now += 500;
    expect(taken('10.0.0.1', 1_000)).toBe(5);
    clock.now += 3_600_000;
    expect(taken('10.0.0.1', 1_000)).toBe(40);
  });

  it('say when another will be looked into', () => {
    const { clock, strangers, taken } = limits(10);
    taken('10.0.0.1', 40);
    clock.now += 30;
    const refused = () => strangers.take('10.0.0.1');
    expect(refused).toThrow(expect.objectContaining({ reason: 'RATE_LIMITED', retryAfterMs: 70 }));
    clock.now += 70;
    expect(refused).not.toThrow();
  });

  it('do not count when they were good', () => {
    const { strangers, taken } = limits(10);
    for (let count = 0; count < 1_000; count++) {
      strangers.take('10.0.0.1');
      strangers.giveBack('10.0.0.1');
    }
    strangers.giveBack('10.0.0.1');
    expect(taken('10.0.0.1', 1_000)).toBe(40);
  });

  it.each([
    ['10.0.0.1', '::ffff:10.0.0.1', true],
    ['10.0.0.1', '10.0.0.2', false],
    ['2001:db8:1:2::1', '2001:db8:1:2:ffff::9', true],
    ['2001:db8:1:2::1', '2001:db8:1:3::1', false],
    ['2001:db8::1', '2001:db8:0:0:5:6:7:8', true],
    ['::1', '::2', true],
    ['unknown', 'unknown', true],
  ])('from %s and from %s are of one network: %s', (one, other, same) => {
    const { taken } = limits(10);
    expect(taken(one, 1_000)).toBe(40);
    expect(taken(other, 1_000)).toBe(same ? 0 : 40);
  });

  it('take bounded memory, however many addresses there are', () => {
    const { strangers, taken } = limits(10);
    expect(taken('10.0.0.1', 1_000)).toBe(40);
    for (let count = 0; count < 10_000; count++) strangers.take(`10.1.${count >> 8}.${count & 255}`);
    // The oldest was forgotten.
    expect(taken('10.0.0.1', 1_000)).toBe(40);
  });
});
