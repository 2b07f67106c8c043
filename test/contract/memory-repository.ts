import { describe } from 'vitest';
import type { Hub } from './fixtures.ts';
import { exportContract } from './memory-repository-exports.ts';
import { filterContract } from './memory-repository-filters.ts';
import { readContract } from './memory-repository-reads.ts';
import { requestContract } from './memory-repository-requests.ts';
import { writeContract } from './memory-repository-writes.ts';

/**
 * What every MemoryRepository must do, whatever stands behind it.
 *
 * @param newHub an empty workspace of its own for each test
 */
export function memoryRepositoryContract(newHub: () => Promise<Hub>): void {
  describe('writes', () => writeContract(newHub));
  describe('requests', () => requestContract(newHub));
  describe('reads', () => readContract(newHub));
  describe('filters', () => filterContract(newHub));
  describe('an export', () => exportContract(newHub));
}
