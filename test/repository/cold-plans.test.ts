import { Pool } from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { AdminRepository } from '../../src/server/domain/admin-repository.ts';
import type { CallContext } from '../../src/server/domain/call-context.ts';
import { Role } from '../../src/server/domain/principal.ts';
import { createAdminRepository } from '../../src/server/repository/admin-repository.ts';
import { createAuditLog } from '../../src/server/repository/audit-log.ts';
import { createAuditRepository } from '../../src/server/repository/audit-repository.ts';
import { createDataKeyStore } from '../../src/server/repository/data-key-repository.ts';
import { createSettingRepository } from '../../src/server/repository/setting-repository.ts';
import { testDatabase } from '../support/database.ts';

/**
 * Statements that the ORM writes, and those few that are sent by hand beside them, cannot be handed to
 * EXPLAIN by their text. So every function of their repositories is called on filled tables, and PostgreSQL
 * asked which tables it read from end to end meanwhile.
 */

// One connection, so that the one that counts is the one that is told to hand its counts in.
const database = testDatabase({ poolMax: 1, poolMin: 1, acquireTimeoutMs: 5000 });
let counts: Pool;

const act = { keyId: 'k', actor: 'a', peer: '', callId: '', action: 'Tested', workspaceId: 7, target: 't' };
const key = (id: string) => ({
  ...{ id, name: id, role: Role.WRITER, workspaceId: 7, access: { userId: '', teams: [] } },
  ...{ secretHash: Buffer.alloc(32), ttlMicros: 1e9 },
});
const page = {
  ...{ workspaceId: 7, start: undefined, end: undefined, action: '', actor: '' },
  ...{ kind: undefined, before: undefined, pageSize: 10 },
};
const rotation = { overlapMicros: 0, expireTime: undefined, ttlMicros: 1e9 };
const setting = { userId: 'user7', name: 'name7' };
const change = { ...setting, sealed: undefined, expectedChangeNo: undefined };
const write = { note: '', validateOnly: false, act };
const wrapped = { kekId: 'kek', wrapped: Buffer.alloc(40) };
const call = { workspaceId: 7, author: 'a' } as CallContext;
const refusal = {
  ...{ workspaceId: 7, keyId: 'k', actor: 'a', action: 'GetMemory', target: '', peer: '::1', callId: 'c' },
  ...{ reason: 'ROLE_DENIED' as const, count: 1, firstAgoMs: 5, lastAgoMs: 1 },
};

/** The poll reads the head of every workspace, by design. */
type AdminWithoutPoll = Omit<AdminRepository, 'pollGenerations'>;

/** Every function of a repository, called. */
type Calls<R> = { [F in keyof R]: (repository: R) => Promise<unknown> };

const CALLS = {
  admin: {
    createWorkspace: (admin) => admin.createWorkspace('made', '', act),
    findWorkspace: (admin) => admin.findWorkspace('w7'),
    listWorkspaces: (admin) => admin.listWorkspaces(),
    createApiKey: (admin) => admin.createApiKey(key('made'), act),
    findApiKey: (admin) => admin.findApiKey('key7'),
    listApiKeys: (admin) => admin.listApiKeys(7),
    revokeApiKey: (admin) => admin.revokeApiKey('key8', act),
    rotateApiKeys: (admin) => admin.rotateApiKeys([{ id: 'key9', secretHash: Buffer.alloc(32) }], rotation),
    recordKeyUses: (admin) => admin.recordKeyUses([{ id: 'key7', agoMs: 5 }]),
    emptyCaches: (admin) => admin.emptyCaches({ memories: { workspaceId: 7 }, generations: ['sealing'] }, act),
    bumpCacheEpoch: (admin) => admin.bumpCacheEpoch(7),
    bumpGeneration: (admin) => admin.bumpGeneration('sealing'),
  } satisfies Calls<AdminWithoutPoll>,
  audit: {
    listAudit: (audit) => audit.listAudit(page),
    countRefusals: (audit) => audit.countRefusals([refusal]),
  } satisfies Calls<ReturnType<typeof createAuditRepository>>,
  auditLog: { record: (log) => log.record(act) } satisfies Calls<ReturnType<typeof createAuditLog>>,
  dataKeys: {
    keysOf: (keys) => keys.keysOf(7),
    add: (keys) => keys.add({ workspaceId: 7, generation: 2, ...wrapped }),
    all: (keys) => keys.all(),
    replace: (keys) => keys.replace({ workspaceId: 8, generation: 1, ...wrapped }, { ...wrapped, kekId: 'next' }),
    bumpGeneration: (keys) => keys.bumpGeneration(),
  } satisfies Calls<ReturnType<typeof createDataKeyStore>>,
  settings: {
    settings: (settings) => settings.settings(7, 'user7'),
    setting: (settings) => settings.setting(7, setting),
    history: (settings) => settings.history(7, setting, 10),
    write: async (settings) => {
      await settings.write(call, { ...write, changes: [{ ...change, value: 2 }] });
      await settings.write(call, { ...write, changes: [{ ...change, value: undefined }] });
    },
  } satisfies Calls<ReturnType<typeof createSettingRepository>>,
};

/** A row for each cache, however long the server lives. */
const SMALL = ['cache_generations'];

beforeAll(async () => {
  counts = new Pool({ connectionString: database().url, max: 1 });
  for (const text of [
    `INSERT INTO workspaces (name) SELECT 'w' || n FROM generate_series(1, 5000) n`,
    'INSERT INTO workspace_heads SELECT n, 20000 FROM generate_series(1, 5000) n',
    `INSERT INTO api_keys (id, workspace_id, name, role, secret_hash)
     SELECT 'key' || n, 1 + n % 500, 'k', 2, '' FROM generate_series(1, 5000) n`,
    `INSERT INTO settings (workspace_id, user_id, name, value)
     SELECT n % 50, 'user' || n % 100, 'name' || n, '1' FROM generate_series(1, 20000) n`,
    `INSERT INTO setting_revisions (workspace_id, user_id, name, operation, value)
     SELECT n % 50, 'user' || n % 100, 'name' || n, 1, '1' FROM generate_series(1, 20000) n`,
    `INSERT INTO audit (workspace_id, at, key_id, author, action)
     SELECT n % 50, now() - n * interval '1 hour', 'k', 'a', 'x' FROM generate_series(1, 20000) n`,
    `INSERT INTO sealing_keys (workspace_id, generation, kek_id, wrapped)
     SELECT n, 1, 'kek', '\\x00' FROM generate_series(1, 5000) n`,
    'ANALYZE',
  ]) {
    await database().pool.query({ text });
  }
});
afterAll(() => counts.end());

/** How often each table was read from end to end. */
async function wholeReads(): Promise<ReadonlyMap<string, number>> {
  await database().pool.query({ text: 'SELECT pg_stat_force_next_flush()' });
  const { rows } = await counts.query<{ relname: string; seq_scan: string }>(
    'SELECT relname, seq_scan FROM pg_stat_user_tables',
  );
  return new Map(rows.map(({ relname, seq_scan }) => [relname, Number(seq_scan)]));
}

async function readWhole(work: () => Promise<unknown>): Promise<string[]> {
  const before = await wholeReads();
  await work();
  const after = await wholeReads();
  return [...after].flatMap(([table, times]) => (times > (before.get(table) ?? 0) ? [table] : []));
}

function bound<R>(room: string, repository: R, calls: Calls<R>) {
  const functions = Object.entries(calls) as [string, Calls<R>[keyof R]][];
  return functions.map(([name, run]) => ({ name: `${room}.${name}`, run: () => run(repository) }));
}

function everyCall() {
  return [
    ...bound('admin', createAdminRepository(database()) as AdminWithoutPoll, CALLS.admin),
    ...bound('audit', createAuditRepository(database()), CALLS.audit),
    ...bound('auditLog', createAuditLog(database()), CALLS.auditLog),
    ...bound('dataKeys', createDataKeyStore(database()), CALLS.dataKeys),
    ...bound('settings', createSettingRepository(database()), CALLS.settings),
  ];
}

it('sees a table that is read from end to end', async () => {
  const read = () => database().pool.query({ text: "SELECT count(*) FROM api_keys WHERE name LIKE '%x'" });
  expect(await readWhole(read)).toEqual(['api_keys']);
});

it('no function of the cold repositories reads a table from end to end', async () => {
  const found: Record<string, string[]> = {};
  for (const { name, run } of everyCall()) {
    const tables = (await readWhole(run)).filter((table) => !SMALL.includes(table));
    if (tables.length > 0) found[name] = tables;
  }
  expect(found).toEqual({});
});
