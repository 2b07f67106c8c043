import {
  type GetStorageInfoRequest,
  type GetStorageInfoResponse,
  MemoryServiceService,
  type StorageCount as StorageCountMessage,
} from '../../../shared/gen/memoryhub/v1/memory_service.ts';
import { timestampFromMicros } from '../../../shared/time.ts';
import type { MemoryService } from '../../domain/memory-service.ts';
import type { StorageCount } from '../../domain/repository.ts';
import type { UnaryMethod } from '../method.ts';
import { READERS } from './answers.ts';
import { storageMessages } from './list-storages.ts';

export function getStorageInfo(service: MemoryService): UnaryMethod<GetStorageInfoRequest, GetStorageInfoResponse> {
  return {
    definition: MemoryServiceService.getStorageInfo,
    roles: READERS,
    async handle(call) {
      const [info, storages] = await Promise.all([service.storageInfo(call), service.listStorages(call)]);
      return {
        memories: BigInt(info.memories),
        contentBytes: BigInt(info.contentBytes),
        deletedMemories: BigInt(info.deletedMemories),
        byScope: info.byScope.map(countMessage),
        byTeam: info.byTeam.map(countMessage),
        byCategory: info.byCategory.map(countMessage),
        revision: BigInt(info.revision),
        at: timestampFromMicros(info.at),
        storage: storageMessages(storages)[0],
      };
    },
  };
}

function countMessage({ name, memories, contentBytes }: StorageCount): StorageCountMessage {
  return { name, memories: BigInt(memories), contentBytes: BigInt(contentBytes) };
}
