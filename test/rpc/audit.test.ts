import { describe, expect, it } from 'vitest';
import { generateApiKey } from '../../src/server/security/api-key.ts';
import { type AuditEvent, AuditKind, Cache, Role } from '../../src/shared/gen/memoryhub/v1/admin_service.ts';
import { toRpcError } from '../../src/shared/rpc-error.ts';
import type { MemoryHub } from '../../src/shared/service-client.ts';
import { keyServer } from './keys-harness.ts';

const server = keyServer();
type Wanted = Parameters<MemoryHub['admin']['listAuditEvents']>[0];

async function events(hub: MemoryHub, wanted: Wanted = {}): Promise<AuditEvent[]> {
  const found: AuditEvent[] = [];
  for await (const message of hub.admin.listAuditEvents(wanted)) found.push(...message.events);
  return found;
}
const operator = async () => {
  const key = await server().newKey({ name: 'olga', role: Role.OPERATOR as never, workspaceId: 0 });
  return { ...key, hub: server().hub(key.credential) };
};
const admin = async (name: string, workspaceId = server().one) => {
  const key = await server().newKey({ name, workspaceId });
  return { ...key, hub: server().hub(key.credential) };
};
const reasonOf = (work: Promise<unknown>) =>
  work.then(
    () => 'done',
    (error) => toRpcError(error).reason,
  );

describe('the audit trail', () => {
  it('has every act of the administration, with who, what, when and from where', async () => {
    const { hub, id } = await operator();
    const before = (await events(hub))[0]?.id ?? 0n;
    await hub.admin.createWorkspace({ workspace: { name: 'audited' } });
    const { apiKey, credential } = await hub.admin.createApiKey({
      apiKey: { name: 'subject', role: Role.WRITER, workspace: 'audited', userId: 'mina', teams: ['alpha'] },
    });
    const key = apiKey?.id ?? '';
    await hub.admin.rotateKeys({ ids: [key], overlap: { seconds: 60n, nanos: 0 } });
    await hub.admin.revokeApiKey({ id: key });
    await hub.admin.revokeApiKey({ id: key });
    await hub.admin.invalidateCaches({ workspace: 'audited', caches: [Cache.MEMORIES] });
    await hub.admin.invalidateCaches({});
    const acts = (await events(hub)).filter((event) => event.id > before).reverse();
    expect(acts.map(({ action, target, workspace }) => [action, target, workspace])).toEqual([
      ['CreateWorkspace', 'audited', 'audited'],
      ['CreateApiKey', key, 'audited'],
      ['RotateKeys', key, 'audited'],
      ['RevokeApiKey', key, 'audited'],
      ['InvalidateCaches', 'audited', 'audited'],
      ['InvalidateCaches', '', ''],
    ]);
    for (const act of acts) {
      expect(act).toMatchObject({ keyId: id, actor: 'olga', peer: '127.0.0.1', reason: '', count: 1n });
      expect(act.callId).toMatch(/^[\w-]{8}\.[0-9a-z]+$/);
      expect(Math.abs(Number(act.createTime?.seconds) - Date.now() / 1000)).toBeLessThan(60);
    }
    expect(acts[1]?.details).toEqual({ name: 'subject', role: 'writer', user_id: 'mina', teams: ['alpha'] });
    expect(acts[2]?.details).toEqual({ overlap_seconds: 60 });
    const secret = credential.slice(20);
    const { rows } = await server().database.pool.query<{ row: string }>({
      text: 'SELECT a::text AS row FROM audit a',
    });
    expect(rows.filter(({ row }) => row.includes(secret))).toEqual([]);
  });

  it('and an act are there together or not at all', async () => {
    const { hub } = await operator();
    const { id } = await server().newKey();
    const { pool } = server().database;
    await pool.query({ text: 'ALTER TABLE audit RENAME TO audit_away' });
    try {
      const outcomes = await Promise.all([
        reasonOf(hub.admin.createWorkspace({ workspace: { name: 'unaccounted' } })),
        reasonOf(hub.admin.revokeApiKey({ id })),
        reasonOf(hub.admin.rotateKeys({ ids: [id] })),
        reasonOf(hub.admin.createApiKey({ apiKey: { name: 'unaccounted', role: Role.READER, workspace: 'one' } })),
      ]);
      expect(outcomes).not.toContain('done');
    } finally {
      await pool.query({ text: 'ALTER TABLE audit_away RENAME TO audit' });
    }
    expect(await server().repository.findWorkspace('unaccounted')).toBeUndefined();
    expect(await server().repository.findApiKey(id)).toMatchObject({ revokeTime: undefined, rotateTime: undefined });
    expect((await server().repository.listApiKeys(server().one)).map(({ name }) => name)).not.toContain('unaccounted');
  });

  it('counts refused access: who, what was wrong, from where, and how often', async () => {
    const { hub } = await operator();
    const writer = await server().newKey({ name: 'wanda', role: Role.WRITER });
    const ended = await server().newKey({ name: 'late', ttlMicros: 1 });
    const revoked = await server().newKey({ name: 'gone' });
    await hub.admin.revokeApiKey({ id: revoked.id });
    const refuse = (credential: string) => reasonOf(events(server().hub(credential)));
    for (let times = 0; times < 3; times++) expect(await refuse(writer.credential)).toBe('ROLE_DENIED');
    expect(await refuse(ended.credential)).toBe('CREDENTIAL_EXPIRED');
    await expect.poll(() => refuse(revoked.credential)).toBe('CREDENTIAL_INVALID');
    expect(await refuse(generateApiKey().credential)).toBe('CREDENTIAL_INVALID');
    expect(await refuse(`mh_${writer.id}_${generateApiKey().credential.slice(20)}`)).toBe('CREDENTIAL_INVALID');
    expect(await refuse('')).toBe('CREDENTIAL_MISSING');
    await server().refusals.flush();
    const refused = await events(hub, { kind: AuditKind.REFUSAL });
    const of = (reason: string, target: string) =>
      refused.find((event) => event.reason === reason && event.target === target);
    const known = { action: 'ListAuditEvents', peer: '127.0.0.1', workspace: 'one' };
    expect(of('ROLE_DENIED', 'writer')).toMatchObject({ ...known, actor: 'wanda', keyId: writer.id, count: 3n });
    expect(of('CREDENTIAL_EXPIRED', 'expired')).toMatchObject({ ...known, actor: 'late', keyId: ended.id });
    expect(of('CREDENTIAL_INVALID', 'revoked')).toMatchObject({ ...known, actor: 'gone', keyId: revoked.id });
    const unknown = { ...known, workspace: '', actor: '', keyId: '' };
    for (const target of ['unknown', 'secret']) expect(of('CREDENTIAL_INVALID', target)).toMatchObject(unknown);
    expect(of('CREDENTIAL_MISSING', '')).toMatchObject({ ...unknown, count: 1n });
    // The next ones of the hour are counted into the same rows.
    expect(await refuse(writer.credential)).toBe('ROLE_DENIED');
    await server().refusals.flush();
    const again = await events(hub, { kind: AuditKind.REFUSAL, actor: 'wanda' });
    expect(again.map(({ count }) => count).reduce((sum, count) => sum + count, 0n)).toBe(4n);
    expect(again.length).toBeLessThanOrEqual(2);
  });
});

describe('ListAuditEvents', () => {
  it('shows an admin its own workspace and nothing else', async () => {
    const two = await server().repository.createWorkspace('two', '');
    const one = await admin('anna');
    const other = await admin('bob', two.id);
    await one.hub.admin.createApiKey({ apiKey: { name: 'x', role: Role.READER } });
    await other.hub.admin.createApiKey({ apiKey: { name: 'y', role: Role.READER } });
    expect(new Set((await events(one.hub)).map(({ workspace }) => workspace))).toEqual(new Set(['one']));
    expect(new Set((await events(other.hub)).map(({ actor }) => actor))).toEqual(new Set(['bob']));
    const elsewhere = [{ workspace: 'two' }, { workspace: 'never was' }].map((wanted) =>
      reasonOf(events(one.hub, wanted)),
    );
    expect(await Promise.all(elsewhere)).toEqual(['WORKSPACE_NOT_FOUND', 'WORKSPACE_NOT_FOUND']);
    const all = await events((await operator()).hub, { workspace: 'two' });
    expect(new Set(all.map(({ workspace }) => workspace))).toEqual(new Set(['two']));
  });

  it('finds by time, action, actor and kind, and goes on with a token behind the limit', async () => {
    const { hub } = await admin('carol');
    for (let count = 0; count < 5; count++) {
      await hub.admin.createApiKey({ apiKey: { name: `k${count}`, role: Role.READER } });
    }
    await hub.admin.invalidateCaches({});
    const mine = await events(hub, { actor: 'carol', kind: AuditKind.ACT });
    expect(mine.map(({ action }) => action)).toEqual(['InvalidateCaches', ...Array(5).fill('CreateApiKey')]);
    expect(await events(hub, { actor: 'carol', action: 'InvalidateCaches' })).toHaveLength(1);
    const third = mine[2]?.createTime;
    expect((await events(hub, { actor: 'carol', startTime: third })).map(({ id }) => id)).toEqual(
      mine.slice(0, 3).map(({ id }) => id),
    );
    expect((await events(hub, { actor: 'carol', endTime: third })).map(({ id }) => id)).toEqual(
      mine.slice(3).map(({ id }) => id),
    );
    const pages: AuditEvent[][] = [];
    let pageToken = '';
    do {
      const page: AuditEvent[] = [];
      let next = '';
      for await (const message of hub.admin.listAuditEvents({ actor: 'carol', limit: 4, pageToken })) {
        page.push(...message.events);
        next = message.nextPageToken;
      }
      pages.push(page);
      pageToken = next;
    } while (pageToken !== '');
    expect(pages.map((page) => page.length)).toEqual([4, 2]);
    expect(pages.flat()).toEqual(mine);
  });

  it('takes no token of another list or caller', async () => {
    const { hub } = await admin('dora');
    for (const name of ['a', 'b']) await hub.admin.createApiKey({ apiKey: { name, role: Role.READER } });
    let token = '';
    for await (const message of hub.admin.listAuditEvents({ actor: 'dora', limit: 1 })) token = message.nextPageToken;
    expect(token).not.toBe('');
    const three = await server().repository.createWorkspace('three', '');
    const outcomes = [
      reasonOf(events(hub, { actor: 'x', pageToken: token })),
      reasonOf(events((await admin('eve', three.id)).hub, { actor: 'dora', pageToken: token })),
      reasonOf(events(hub, { actor: 'dora', pageToken: `${token}x` })),
    ];
    expect(await Promise.all(outcomes)).toEqual(['INVALID_TOKEN', 'INVALID_TOKEN', 'INVALID_TOKEN']);
  });

  it.each([
    ['limit', { limit: -1 }],
    ['kind', { kind: 9 as AuditKind }],
    ['action', { action: 'x'.repeat(257) }],
    ['actor', { actor: 'a\u0000' }],
    ['start_time', { startTime: { seconds: 10n ** 15n, nanos: 0 } }],
  ])('refuses a wrong %s', async (field, wanted) => {
    const { hub } = await operator();
    await expect(events(hub, wanted)).rejects.toMatchObject({
      reason: 'INVALID_FIELD',
      message: expect.stringMatching(new RegExp(`^${field}:`)),
    });
  });
});
