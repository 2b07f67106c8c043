import { defineEntity, p } from '@mikro-orm/core';
import { MicrosType } from './micros-type.ts';

/**
 * What a memory and each entry of its history have in common. Hot statements spell these columns
 * out; a test compares what they name with the entities.
 */
const state = {
  key: p.text().default(''),
  scope: p.smallint(),
  userId: p.text().default(''),
  team: p.text().default(''),
  category: p.text().default(''),
  content: p.text(),
  tags: p.array().default([]),
  /** With placeholders where values are sealed. */
  metadata: p.json().nullable(),
  /** Ciphertexts of the sealed values, by "VERSION NAME"; see domain/sealing. */
  sealed: p.json().nullable(),
  author: p.text().default(''),
  createTime: p.type(MicrosType),
  updateTime: p.type(MicrosType),
  deleteTime: p.type(MicrosType).nullable(),
  expireTime: p.type(MicrosType).nullable(),
};

/** The newest state of every memory, dead ones included until they are purged. Fill factor 85. */
export const MemoryEntity = defineEntity({
  name: 'Memory',
  tableName: 'memories',
  properties: {
    workspaceId: p.integer().primary(),
    id: p.uuid().primary(),
    revision: p.bigint('number'),
    changeNo: p.bigint('number'),
    ...state,
  },
  indexes: [
    { name: 'memories_create_time', properties: ['workspaceId', 'createTime', 'id'] },
    {
      name: 'memories_category',
      properties: ['workspaceId', 'category', 'createTime', 'id'],
      where: `category <> ''::text`,
    },
    // By owner: every memory is in one of these three.
    { name: 'memories_team', properties: ['workspaceId', 'team', 'createTime', 'id'], where: `team <> ''::text` },
    {
      name: 'memories_user_id',
      properties: ['workspaceId', 'userId', 'createTime', 'id'],
      where: `user_id <> ''::text`,
    },
    { name: 'memories_shared', properties: ['workspaceId', 'createTime', 'id'], where: 'scope = 3' },
    {
      name: 'memories_expire_time',
      properties: ['workspaceId', 'expireTime'],
      where: 'expire_time is not null',
    },
    {
      name: 'memories_delete_time',
      properties: ['workspaceId', 'deleteTime'],
      where: 'delete_time is not null',
    },
    { name: 'memories_sealed', properties: ['workspaceId', 'id'], where: 'sealed is not null' },
  ],
  // Also the order by update_time, which needs no index of its own.
  uniques: [{ name: 'memories_change_no', properties: ['workspaceId', 'changeNo'] }],
});

/** Every change of every memory, as the change left it. */
export const MemoryRevisionEntity = defineEntity({
  name: 'MemoryRevision',
  tableName: 'memory_revisions',
  properties: {
    workspaceId: p.integer().primary(),
    changeNo: p.bigint('number').primary(),
    memoryId: p.uuid(),
    revision: p.bigint('number'),
    operation: p.smallint(),
    note: p.text().default(''),
    ...state,
  },
  indexes: [{ name: 'memory_revisions_sealed', properties: ['workspaceId', 'changeNo'], where: 'sealed is not null' }],
  uniques: [{ name: 'memory_revisions_memory', properties: ['workspaceId', 'memoryId', 'revision'] }],
});

/** Successful requests that carried a request_id: a retry is answered from history. */
export const RequestLogEntity = defineEntity({
  name: 'RequestLog',
  tableName: 'request_log',
  properties: {
    workspaceId: p.integer().primary(),
    requestId: p.uuid().primary(),
    requestHash: p.blob(),
    firstChange: p.bigint('number'),
    changes: p.integer(),
    at: p.type(MicrosType),
  },
  indexes: [{ name: 'request_log_at', properties: ['at'], type: 'brin' }],
});
