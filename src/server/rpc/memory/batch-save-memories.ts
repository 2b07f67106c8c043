import {
  type BatchSaveMemoriesRequest,
  type BatchSaveMemoriesResponse,
  MemoryServiceService,
} from '../../../shared/gen/memoryhub/v1/memory_service.ts';
import type { MemoryService } from '../../domain/memory-service.ts';
import type { UnaryMethod } from '../method.ts';
import { batchAnswer, WRITERS } from './answers.ts';

export function batchSaveMemories(
  service: MemoryService,
): UnaryMethod<BatchSaveMemoriesRequest, BatchSaveMemoriesResponse> {
  return {
    definition: MemoryServiceService.batchSaveMemories,
    roles: WRITERS,
    async handle(call, request) {
      const { records, head } = await service.batchSave(call, request);
      return batchAnswer(call, records, head);
    },
  };
}
