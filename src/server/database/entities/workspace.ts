import { defineEntity, p } from '@mikro-orm/core';
import { MicrosType } from './micros-type.ts';

export const WorkspaceEntity = defineEntity({
  name: 'Workspace',
  tableName: 'workspaces',
  properties: {
    id: p.integer().primary(),
    name: p.text().unique('workspaces_name'),
    description: p.text().default(''),
    createTime: p.type(MicrosType).defaultRaw('clock_timestamp()'),
  },
});

/**
 * The row whose lock gives every change of a workspace its place. Updated by every batch, so that
 * four fifths of each page stay free for HOT updates (fill factor 20).
 */
export const WorkspaceHeadEntity = defineEntity({
  name: 'WorkspaceHead',
  tableName: 'workspace_heads',
  properties: {
    workspaceId: p.integer().primary().autoincrement(false),
    /** The last change number given out. */
    head: p.bigint('number').default(0),
    /** Part of every cache key: bumping it drops what any cache holds of the workspace. */
    cacheEpoch: p.bigint('number').default(0),
    /** States before this change number may lack what retention removed: pruned history, and the dead. */
    historyFrom: p.bigint('number').default(0),
    /** Likewise states at times before this one: a memory that expired since was purged. */
    expiredFrom: p.type(MicrosType).nullable(),
    /** Likewise, of states that show deleted memories too: when some were last purged. */
    deletedFrom: p.type(MicrosType).nullable(),
  },
});

export const ApiKeyEntity = defineEntity({
  name: 'ApiKey',
  tableName: 'api_keys',
  properties: {
    id: p.text().primary(),
    /** 0 for monitor and operator keys. */
    workspaceId: p.integer().default(0),
    name: p.text(),
    role: p.smallint(),
    userId: p.text().default(''),
    teams: p.array().default([]),
    secretHash: p.blob(),
    createTime: p.type(MicrosType).defaultRaw('clock_timestamp()'),
    revokeTime: p.type(MicrosType).nullable(),
    description: p.text().default(''),
    expireTime: p.type(MicrosType).nullable(),
    /** At most once a minute. */
    lastUseTime: p.type(MicrosType).nullable(),
    rotateTime: p.type(MicrosType).nullable(),
    /** The secret before the last rotation, which works until previousExpireTime. */
    previousHash: p.blob().nullable(),
    previousExpireTime: p.type(MicrosType).nullable(),
  },
  indexes: [{ name: 'api_keys_workspace', properties: ['workspaceId', 'createTime'] }],
});
