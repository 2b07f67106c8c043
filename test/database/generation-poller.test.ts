import { expect, test } from 'vitest';
import { GenerationPoller } from '../../src/server/generation-poller.ts';
import { createAdminRepository } from '../../src/server/repository/admin-repository.ts';
import { testDatabase } from '../support/database.ts';

const database = testDatabase();

test('who listens is told of what moved on since the poll before, also when none came between', async () => {
  const repository = createAdminRepository(database());
  const poller = new GenerationPoller(repository);
  await poller.start();
  try {
    let moved = 0;
    poller.onMoved('configuration', () => moved++);
    // Of another process, before this one polls for the second time: it serves what it has read meanwhile.
    await repository.bumpGeneration('configuration');
    await expect.poll(() => moved, { timeout: 5_000 }).toBe(1);
  } finally {
    poller.stop();
  }
});
