import { describe, expect, it } from 'vitest';
import { Role } from '../../src/server/domain/principal.ts';
import { ERASED, MemoryPurge } from '../../src/server/domain/purge.ts';
import type { PurgeCaches } from '../../src/server/domain/purge-repository.ts';
import { createAdminRepository } from '../../src/server/repository/admin-repository.ts';
import { createPurgeRepository } from '../../src/server/repository/purge.ts';
import { SensitiveNames } from '../../src/shared/sensitive-names.ts';
import { Hub, personal, save } from '../contract/fixtures.ts';
import { newWorkspace, testRepository } from './support/repository.ts';

const subject = testRepository();
const sweeper = { sweep: () => {}, stop: async () => {} };

describe('the erasure of a user', () => {
  it('forgets an author also where it wrote to memories of others while its own went', async () => {
    const { database, repository } = subject();
    const workspaceId = await newWorkspace(database);
    const hub = new Hub(repository, workspaceId);
    const byAda = { author: 'ada' };
    await hub.done(save(), byAda);
    await hub.done(save());
    await hub.done(save({ owner: personal('ada') }), byAda);
    let removals = 0;
    const caches: PurgeCaches = {
      removing: async (_call, _ids, remove) => {
        if (removals++ === 0) await hub.done(save(), byAda);
        return remove(false);
      },
    };
    const purge = new MemoryPurge(createPurgeRepository(database, sweeper), caches, new SensitiveNames());
    const { access } = hub.call;
    const principal = { keyId: 'k', name: 'admin', role: Role.ADMIN, workspaceId, workspace: '', access };
    const call = { ...hub.call, principal, peer: '' };
    const { pollGenerations } = createAdminRepository(database);
    const before = await pollGenerations();
    const receipt = await purge.eraseUser(call, { userId: 'ada', dryRun: false, note: '' });

    expect(receipt).toMatchObject({ memories: 1, revisions: 1, renamedRevisions: 2 });
    const { rows } = await database.pool.query<{ author: string }>({
      text: 'SELECT author FROM memory_revisions WHERE workspace_id = $1 ORDER BY change_no',
      values: [workspaceId],
    });
    expect(rows.map(({ author }) => author)).toEqual([ERASED, 'tester', ERASED]);

    // Opened secrets are forgotten by all processes; the keyring is not read again for it.
    const after = await pollGenerations();
    expect(after).toMatchObject({ sealing: before.sealing, openedValues: before.openedValues + 1 });
  });
});
