import { describe, expect, it } from 'vitest';
import { Slots } from '../../src/shared/slots.ts';

describe('slots', () => {
  it('hold what was added until it is cleared, and are used again', () => {
    const slots = new Slots<{ name: string }>();
    const [a, b] = [slots.add({ name: 'a' }), slots.add({ name: 'b' })];
    expect([slots.size, slots.at(a)?.name, slots.at(b)?.name]).toEqual([2, 'a', 'b']);
    slots.clear(a);
    expect([slots.size, slots.at(a)]).toEqual([1, undefined]);
    expect(slots.add({ name: 'c' })).toBe(a);
    const names: string[] = [];
    slots.forEach(({ name }) => {
      names.push(name);
    });
    expect(names.sort()).toEqual(['b', 'c']);
  });

  it('can be cleared while they are gone through', () => {
    const slots = new Slots<{ slot: number }>();
    for (let i = 0; i < 5; i++) {
      const item = { slot: -1 };
      item.slot = slots.add(item);
    }
    slots.forEach(({ slot }) => {
      slots.clear(slot);
    });
    expect(slots.size).toBe(0);
  });

  it('are as many as were ever in use at once', () => {
    const slots = new Slots<object>();
    for (let i = 0; i < 10_000; i++) slots.clear(slots.add({}));
    expect(slots.add({})).toBe(0);
  });

  it('are given back when none is in use after there were many', () => {
    const slots = new Slots<object>();
    const used = Array.from({ length: 5_000 }, () => slots.add({}));
    for (const slot of used) slots.clear(slot);
    expect([slots.size, slots.places]).toEqual([0, 0]);
    expect(slots.add({})).toBe(0);
  });
});
