import { describe, expect, it } from 'vitest';
import { partsOf } from '../../src/server/domain/purge-batches.ts';

describe('what one transaction of a purge removes', () => {
  const ids = (count: number, from = 0) => Array.from({ length: count }, (_, index) => `id${from + index}`);
  const sizes = (lengths: Record<string, number>, count: number) =>
    partsOf(ids(count), new Map(Object.entries(lengths))).map((part) => [part.ids.length, part.mostRevisions]);

  it('is five hundred memories at most', () => {
    const parts = partsOf(ids(1_201), new Map(ids(1_201).map((id) => [id, 1])));
    expect(parts.map((part) => part.ids.length)).toEqual([500, 500, 201]);
    expect(parts.flatMap((part) => part.ids)).toEqual(ids(1_201));
  });

  it('is two thousand entries of histories at most, of which a longer one takes several', () => {
    expect(sizes({ id0: 1_000, id1: 1_000, id2: 1 }, 3)).toEqual([
      [2, undefined],
      [1, undefined],
    ]);
    expect(sizes({ id0: 1, id1: 2_000, id2: 1 }, 3)).toEqual([
      [1, 2_000],
      [2, undefined],
    ]);
  });

  it('has memories whose history went already', () => {
    expect(sizes({}, 2)).toEqual([[2, undefined]]);
    expect(sizes({}, 0)).toEqual([]);
  });
});
