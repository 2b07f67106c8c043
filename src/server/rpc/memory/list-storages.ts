import {
  type ListStoragesRequest,
  type ListStoragesResponse,
  MemoryServiceService,
  type Storage,
} from '../../../shared/gen/memoryhub/v1/memory_service.ts';
import type { MemoryService } from '../../domain/memory-service.ts';
import type { StorageDescription } from '../../domain/repository.ts';
import type { UnaryMethod } from '../method.ts';
import { READERS } from './answers.ts';

export function listStorages(service: MemoryService): UnaryMethod<ListStoragesRequest, ListStoragesResponse> {
  return {
    definition: MemoryServiceService.listStorages,
    roles: READERS,
    async handle(call) {
      return { storages: storageMessages(await service.listStorages(call)) };
    },
  };
}

/** The first is the one that memories are kept in. */
export function storageMessages(storages: readonly StorageDescription[]): Storage[] {
  return storages.map(({ name, engine, version, capabilities }, index) => ({
    name,
    engine,
    version,
    capabilities: [...capabilities],
    current: index === 0,
  }));
}
