import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MemoryHub } from '../../src/shared/service-client.ts';
import { runCommand, ServerProcess } from '../support/server-process.ts';

describe('memory-hub purge and erase-user', () => {
  let server: ServerProcess;
  let hub: MemoryHub;
  let env: NodeJS.ProcessEnv;
  beforeAll(async () => {
    server = new ServerProcess();
    hub = await server.connect();
    env = { MEMORYHUB_DATA_DIR: server.dataDir, MEMORYHUB_ADDRESS: await server.address() };
  });
  afterAll(async () => {
    hub.close();
    await server.cleanUp();
  });
  const cached = async (content: string, fields: object = {}) => {
    const { id } = await hub.memories.saveMemory({ memory: { content, ...fields } });
    await hub.memories.getMemory({ target: { $case: 'id', value: id } });
    return id;
  };
  const isThere = (id: string) =>
    hub.memories.getMemory({ target: { $case: 'id', value: id } }).then(
      () => true,
      () => false,
    );

  it('asks first, does nothing without a word, and then takes what was cached too', async () => {
    const ids = [await cached('one'), await cached('two')];
    const dry = await runCommand(['purge', ...ids, '--dry-run'], { env });
    expect(dry.stdout).toContain('2 memories with 2 entries of history and 6 bytes of content would go.');
    const unsure = await runCommand(['purge', ...ids], { env });
    expect(unsure).toMatchObject({ code: 2, stdout: '' });
    expect(unsure.stderr).toContain('--yes');
    expect(await Promise.all(ids.map(isThere))).toEqual([true, true]);
    const sure = await runCommand(['purge', ...ids, '--yes', '--json', '--note', 'ticket 1'], { env });
    expect(JSON.parse(sure.stdout)).toMatchObject({ memories: 2, revisions: 2, requests: 2, dry_run: false });
    expect(await Promise.all(ids.map(isThere))).toEqual([false, false]);
    const audit = await runCommand(['audit', '--action', 'PurgeMemories'], { env });
    expect(audit.stdout).toContain('ticket 1');
  });

  it('takes a filter, and refuses one together with ids', async () => {
    const kept = await cached('kept', { category: 'kept' });
    const gone = await cached('gone', { category: 'scratch' });
    const both = await runCommand(['purge', gone, '--filter', 'category = "scratch"', '--yes'], { env });
    expect(both.code).toBe(1);
    expect((await runCommand(['purge', '--yes'], { env })).code).toBe(1);
    expect((await runCommand(['purge', '--filter', 'category = "scratch"', '--yes'], { env })).stdout).toContain(
      '1 memories',
    );
    expect([await isThere(kept), await isThere(gone)]).toEqual([true, false]);
  });

  it('forgets a user and names the keys that are left', async () => {
    const made = await runCommand(['keys', 'create', 'of mina', '--role', 'writer', '--user', 'mina', '--json'], {
      env,
    });
    const key = JSON.parse(made.stdout) as { id: string; credential: string };
    const asMina = { ...env, MEMORYHUB_API_KEY: key.credential };
    const saved = await runCommand(['save', 'likes tea', '--json'], { env: asMina });
    const { id } = JSON.parse(saved.stdout) as { id: string };
    const dry = await runCommand(['erase-user', 'mina', '--dry-run', '--json'], { env });
    expect(JSON.parse(dry.stdout)).toMatchObject({ memories: 1, dry_run: true, api_key_ids: [key.id] });
    expect((await runCommand(['erase-user', 'mina'], { env })).code).toBe(2);
    const erased = await runCommand(['erase-user', 'mina', '--yes'], { env });
    expect(erased.stdout).toContain('1 memories');
    expect(erased.stderr).toContain(key.id);
    expect(await isThere(id)).toBe(false);
    const audit = await runCommand(['audit', '--all', '--json'], { env });
    expect(audit.stdout).toContain('EraseUser');
    expect(audit.stdout).not.toContain('mina');
  });
});
