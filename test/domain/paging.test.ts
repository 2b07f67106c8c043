import { expect, it } from 'vitest';
import { PAGE_BYTES } from '../../src/server/domain/paging.ts';

const MIB = 1024 * 1024;

it('a hundred readers that never read hold no more than 100 MB: two pages each, and as much encoded', () => {
  expect(100 * 4 * PAGE_BYTES).toBeLessThanOrEqual(100 * MIB);
});
