import { describe } from 'vitest';
import type { Hub } from './fixtures.ts';
import { writeContract } from './memory-repository-writes.ts';

/**
 * What every MemoryRepository must do, whatever stands behind it.
 *
 * @param newHub an empty workspace of its own for each test
 */
export function memoryRepositoryContract(newHub: () => Promise<Hub>): void {
  describe('writes', () => writeContract(newHub));
}
