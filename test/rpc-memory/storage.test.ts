import { beforeAll, describe, expect, it } from 'vitest';
import { Scope } from '../../src/shared/gen/memoryhub/v1/memory.ts';
import { memoryServer, type TestWorkspace } from './harness.ts';

const server = memoryServer();
let space: TestWorkspace;

beforeAll(async () => {
  space = await server().newWorkspace();
  const { memories } = await space.memories.batchSaveMemories({
    memories: [
      { content: 'four', category: 'fact' },
      { content: 'é', category: 'fact', userId: 'ann' },
      { content: 'x', scope: Scope.TEAM, team: 'red' },
      { content: 'gone' },
    ],
  });
  await space.memories.deleteMemory({ id: memories[3]?.id ?? '' });
});

const countings = () => server().repository.statements.filter((kind) => kind === 'storage_info').length;

describe('GetStorageInfo', () => {
  it('counts what the key reaches, by scope, team and category, with the storage it is in', async () => {
    const info = await space.memories.getStorageInfo({});
    expect(info).toMatchObject({ memories: 3n, contentBytes: 7n, deletedMemories: 1n, revision: 5n });
    expect(info.byScope).toEqual([
      { name: 'PERSONAL', memories: 1n, contentBytes: 2n },
      { name: 'TEAM', memories: 1n, contentBytes: 1n },
      { name: 'WORKSPACE', memories: 1n, contentBytes: 4n },
    ]);
    expect(info.byTeam).toEqual([{ name: 'red', memories: 1n, contentBytes: 1n }]);
    expect(info.byCategory).toEqual([{ name: 'fact', memories: 2n, contentBytes: 6n }]);
    expect(info.storage).toMatchObject({ name: 'postgres', engine: 'PostgreSQL', current: true });
    const bob = await space.withKey({ userId: 'bob' });
    expect(await bob.getStorageInfo({})).toMatchObject({ memories: 1n, contentBytes: 4n, byTeam: [] });
  });

  it('counts once for all that ask within a minute, until it is told to count anew', async () => {
    const own = await server().newWorkspace();
    const before = countings();
    await Promise.all(Array.from({ length: 10 }, () => own.memories.getStorageInfo({})));
    await own.memories.saveMemory({ memory: { content: 'later' } });
    expect(await own.memories.getStorageInfo({})).toMatchObject({ memories: 0n });
    expect(countings() - before).toBe(1);
    server().service.invalidateStorageInfo();
    expect(await own.memories.getStorageInfo({})).toMatchObject({ memories: 1n });
    expect(countings() - before).toBe(2);
  });
});

describe('ListStorages', () => {
  it('asks the database once a minute, as GetStorageInfo does', async () => {
    const asked = () => server().repository.statements.filter((kind) => kind === 'server_version').length;
    await space.memories.listStorages({});
    const before = asked();
    for (let i = 0; i < 3; i++) await space.memories.getStorageInfo({});
    await space.memories.listStorages({});
    expect([before, asked()]).toEqual([1, 1]);
  });

  it('names the one storage and what it can do', async () => {
    const { storages } = await space.memories.listStorages({});
    expect(storages).toHaveLength(1);
    expect(storages[0]?.capabilities).toContain('export-at-revision');
    expect(storages[0]?.version).toMatch(/^\d+/);
  });
});
