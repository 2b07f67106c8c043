import { defineEntity, p } from '@mikro-orm/core';
import { MicrosType } from './micros-type.ts';

/** Settings of a workspace (user_id empty) and of its users. */
export const SettingEntity = defineEntity({
  name: 'Setting',
  tableName: 'settings',
  properties: {
    workspaceId: p.integer().primary(),
    userId: p.text().primary().default(''),
    name: p.text().primary(),
    /** With placeholders where values are sealed. */
    value: p.json(),
    sealed: p.json().nullable(),
    /** Of the change that set it: the etag. */
    changeNo: p.bigint('number').default(0),
    author: p.text().default(''),
    updateTime: p.type(MicrosType).defaultRaw('clock_timestamp()'),
  },
});

/** Every change of every setting, as the change left it. */
export const SettingRevisionEntity = defineEntity({
  name: 'SettingRevision',
  tableName: 'setting_revisions',
  properties: {
    changeNo: p.bigint('number').primary().autoincrement(),
    workspaceId: p.integer(),
    userId: p.text().default(''),
    name: p.text(),
    operation: p.smallint(),
    /** NULL when it was deleted. */
    value: p.json().nullable(),
    sealed: p.json().nullable(),
    author: p.text().default(''),
    note: p.text().default(''),
    at: p.type(MicrosType).defaultRaw('clock_timestamp()'),
  },
  indexes: [{ name: 'setting_revisions_setting', properties: ['workspaceId', 'userId', 'name', 'changeNo'] }],
});

/** Keys every process needs and nobody may see; the first migration makes that of the tokens. */
export const ServerKeyEntity = defineEntity({
  name: 'ServerKey',
  tableName: 'server_keys',
  properties: {
    id: p.integer().primary(),
    /** 'token_sealing': 32 bytes. The newest of a purpose seals, all of them open. */
    purpose: p.text(),
    secret: p.blob(),
    createTime: p.type(MicrosType).defaultRaw('clock_timestamp()'),
  },
});

/**
 * The key that seals the values of a workspace, wrapped by a key-encryption key of the keyring. The
 * newest generation seals, all of them open.
 */
export const SealingKeyEntity = defineEntity({
  name: 'SealingKey',
  tableName: 'sealing_keys',
  properties: {
    workspaceId: p.integer().primary(),
    generation: p.integer().primary(),
    kekId: p.text(),
    wrapped: p.blob(),
    createTime: p.type(MicrosType).defaultRaw('clock_timestamp()'),
  },
});

/** Who administered what, and who was refused. */
export const AuditEntity = defineEntity({
  name: 'Audit',
  tableName: 'audit',
  properties: {
    id: p.bigint('number').primary().autoincrement(),
    workspaceId: p.integer().default(0),
    at: p.type(MicrosType).defaultRaw('clock_timestamp()'),
    /** Id of the credential. */
    keyId: p.text(),
    /** Name of the credential. */
    author: p.text(),
    action: p.text(),
    target: p.text().default(''),
    details: p.json().nullable(),
    /** Address of the caller, without its port. */
    peer: p.text().default(''),
    callId: p.text().default(''),
    /** ErrorReason of refused access; empty for what was done. */
    reason: p.text().default(''),
    /** How often between `at` and `lastTime`. */
    occurrences: p.bigint('number').default(1),
    lastTime: p.type(MicrosType).defaultRaw('clock_timestamp()'),
    /** The hour in which refused access is counted into this row. */
    period: p.type(MicrosType).nullable(),
  },
  indexes: [
    { name: 'audit_workspace', properties: ['workspaceId', 'id'] },
    { name: 'audit_at', properties: ['at'] },
    {
      name: 'audit_refusals',
      expression:
        'create unique index audit_refusals on audit (period, reason, action, target, key_id, author, peer) where period is not null',
    },
  ],
});

/** Server-wide caches: every process drops its copy when the number has grown. */
export const CacheGenerationEntity = defineEntity({
  name: 'CacheGeneration',
  tableName: 'cache_generations',
  properties: {
    cache: p.text().primary(),
    generation: p.bigint('number').default(0),
  },
});

/** Background work that one process at a time may do: a lease by row. */
export const JobEntity = defineEntity({
  name: 'Job',
  tableName: 'jobs',
  properties: {
    name: p.text().primary(),
    holder: p.text().default(''),
    leaseUntil: p.type(MicrosType).nullable(),
    lastRun: p.type(MicrosType).nullable(),
  },
});
