import {
  type BatchDeleteMemoriesRequest,
  type BatchDeleteMemoriesResponse,
  MemoryServiceService,
} from '../../../shared/gen/memoryhub/v1/memory_service.ts';
import type { MemoryService } from '../../domain/memory-service.ts';
import type { UnaryMethod } from '../method.ts';
import { batchAnswer, WRITERS } from './answers.ts';

export function batchDeleteMemories(
  service: MemoryService,
): UnaryMethod<BatchDeleteMemoriesRequest, BatchDeleteMemoriesResponse> {
  return {
    definition: MemoryServiceService.batchDeleteMemories,
    roles: WRITERS,
    async handle(call, request) {
      const { records, head } = await service.batchDelete(call, request);
      return batchAnswer(call, records, head);
    },
  };
}
