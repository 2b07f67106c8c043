import { FIND_API_KEY, RECORD_KEY_USES } from './api-key-statements.ts';
import { COUNT_REFUSALS } from './audit-repository.ts';
import { planCases as plainRows } from './plain-rows.ts';
import { BUMP_CACHE_EPOCH, LOCK_WORKSPACE, PRUNE_AUDIT } from './retention-statements.ts';
import { SEALED_TABLES, sealedPage } from './sealed-rows.ts';
import { planCases as auditPage } from './statements/audit-page.ts';
import { planCases as exportPage } from './statements/export-page.ts';
import { planCases as getByIds } from './statements/get-by-ids.ts';
import { planCases as historyKept } from './statements/history-kept.ts';
import { planCases as listPage } from './statements/list-page.ts';
import { planCases as lockHeads } from './statements/lock-heads.ts';
import { planCases as purge } from './statements/purge.ts';
import { planCases as revisions } from './statements/revisions.ts';
import { planCases as serverVersion } from './statements/server-version.ts';
import { planCases as settings } from './statements/settings.ts';
import type { PlanCase } from './statements/statement.ts';
import { planCases as writeChanges } from './statements/write-changes.ts';

/** Statements of other files, which are sent with their indexes too. */
export const ELSEWHERE: readonly PlanCase[] = [
  {
    title: 'uses of keys',
    statement: { kind: 'record_key_uses', name: RECORD_KEY_USES.name, text: RECORD_KEY_USES.text },
    values: ['{key7,key77}', '{5,10}'],
    indexes: ['api_keys_pkey'],
  },
  {
    title: 'key by id',
    statement: { kind: 'find_api_key', name: FIND_API_KEY.name, text: FIND_API_KEY.text },
    values: ['key77'],
    indexes: ['api_keys_pkey', 'workspaces_pkey'],
  },
  {
    title: 'count refusals',
    statement: { kind: 'count_refusals', name: COUNT_REFUSALS.name, text: COUNT_REFUSALS.text },
    values: ['{1}', '{k}', '{a}', '{Get}', '{}', '{::1}', '{c}', '{ROLE_DENIED}', '{3}', '{5}', '{1}'],
    indexes: [],
  },
  {
    title: 'prune the audit trail',
    statement: { kind: 'prune_audit', name: undefined, text: PRUNE_AUDIT },
    values: ['1700000000000000', '1000'],
    indexes: ['audit_at', 'audit_pkey'],
  },
  {
    title: 'lock a workspace',
    statement: { kind: 'lock_workspace', name: undefined, text: LOCK_WORKSPACE },
    values: ['1'],
    indexes: ['workspace_heads_pkey'],
  },
  {
    title: 'bump an epoch',
    statement: { kind: 'bump_cache_epoch', ...BUMP_CACHE_EPOCH },
    values: ['1'],
    indexes: ['workspace_heads_pkey'],
  },
  ...SEALED_TABLES.filter((table) => table.startsWith('memor')).map((table) => ({
    title: `sealed rows of ${table}`,
    statement: { kind: 'sealed_page', name: undefined, text: sealedPage(table) },
    values: ['1', table === 'memories' ? '80000000-0000-4000-8000-000000000000' : '5', '100'],
    indexes: [`${table}_sealed`],
  })),
  ...plainRows,
];

/** Kinds that are sent on the write connection, whose settings differ. */
export const WRITES: readonly string[] = ['lock_heads', 'write_changes'];

/** Every statement of the repository that has a plan to look at: with its values, and the indexes it must use. */
export const PLAN_CASES: readonly PlanCase[] = [
  auditPage,
  exportPage,
  getByIds,
  historyKept,
  listPage,
  lockHeads,
  purge,
  revisions,
  serverVersion,
  settings,
  writeChanges,
  ELSEWHERE,
].flat();
