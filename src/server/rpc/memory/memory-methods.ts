import type { MemoryService } from '../../domain/memory-service.ts';
import type { MemoryPurge } from '../../domain/purge.ts';
import type { AnyMethod } from '../method.ts';
import { batchDeleteMemories } from './batch-delete-memories.ts';
import { batchGetMemories } from './batch-get-memories.ts';
import { batchSaveMemories } from './batch-save-memories.ts';
import { deleteMemory } from './delete-memory.ts';
import { eraseUser } from './erase-user.ts';
import { exportMemories } from './export-memories.ts';
import { getMemory } from './get-memory.ts';
import { getRevision } from './get-revision.ts';
import { getStorageInfo } from './get-storage-info.ts';
import { listMemories } from './list-memories.ts';
import { listRevisions } from './list-revisions.ts';
import { listStorages } from './list-storages.ts';
import { purgeMemories } from './purge-memories.ts';
import { restoreMemory } from './restore-memory.ts';
import { saveMemory } from './save-memory.ts';
import { updateMemory } from './update-memory.ts';

/** All RPCs of memoryhub.v1.MemoryService. */
export function memoryMethods(service: MemoryService, purge: MemoryPurge): AnyMethod[] {
  return [
    saveMemory(service),
    getMemory(service),
    updateMemory(service),
    deleteMemory(service),
    restoreMemory(service),
    batchSaveMemories(service),
    batchGetMemories(service),
    batchDeleteMemories(service),
    listMemories(service),
    exportMemories(service),
    listRevisions(service),
    getRevision(service),
    getStorageInfo(service),
    listStorages(service),
    purgeMemories(purge),
    eraseUser(purge),
  ];
}
