import { expect, it } from 'vitest';
import { PAGE_BYTES, prefetched } from '../../src/server/domain/paging.ts';

const MIB = 1024 * 1024;

it('a hundred readers that never read hold no more than 100 MB: two pages each, and as much encoded', () => {
  expect(100 * 4 * PAGE_BYTES).toBeLessThanOrEqual(100 * MIB);
});

it('the next page has been asked for when this one is handed out, though a connection is lent a few promises later', async () => {
  let asked = 0;
  const read = async (page: number) => {
    await new Promise<void>((resolve) => process.nextTick(resolve));
    for (let step = 0; step < 10; step++) await undefined;
    asked = page;
    return page;
  };
  const seen: [page: number, asked: number][] = [];
  const pages = prefetched(
    () => read(1),
    (page) => (page < 3 ? read(page + 1) : undefined),
  );
  for await (const page of pages) seen.push([page, asked]);
  expect(seen).toEqual([
    [1, 2],
    [2, 3],
    [3, 3],
  ]);
});
