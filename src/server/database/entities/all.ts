import { MemoryEntity, MemoryRevisionEntity, RequestLogEntity } from './memory.ts';
import {
  AuditEntity,
  CacheGenerationEntity,
  JobEntity,
  SealingKeyEntity,
  ServerKeyEntity,
  SettingEntity,
  SettingRevisionEntity,
} from './server.ts';
import { ApiKeyEntity, WorkspaceEntity, WorkspaceHeadEntity } from './workspace.ts';

/** Every table but those of the migrations themselves. */
export const ENTITIES = [
  WorkspaceEntity,
  WorkspaceHeadEntity,
  MemoryEntity,
  MemoryRevisionEntity,
  RequestLogEntity,
  ApiKeyEntity,
  SettingEntity,
  SettingRevisionEntity,
  ServerKeyEntity,
  SealingKeyEntity,
  AuditEntity,
  CacheGenerationEntity,
  JobEntity,
];
