import {
  type BatchSaveMemoriesRequest,
  BatchSaveMemoriesResponse,
  MemoryServiceService,
} from '../../../shared/gen/memoryhub/v1/memory_service.ts';
import type { MemoryService } from '../../domain/memory-service.ts';
import { EncodedMessage, type UnaryMethod } from '../method.ts';
import { batchAnswer, WRITERS } from './answers.ts';

/** What a replay's answer has behind its memories; fields may stand in any order. */
const REPLAYED = BatchSaveMemoriesResponse.encode({ memories: [], replayed: true }).finish();

export function batchSaveMemories(
  service: MemoryService,
): UnaryMethod<BatchSaveMemoriesRequest, BatchSaveMemoriesResponse> {
  return {
    definition: MemoryServiceService.batchSaveMemories,
    roles: WRITERS,
    async handle(call, request) {
      const { records, head, replayed } = await service.batchSave(call, request);
      const answer = batchAnswer(call, records, head);
      return replayed ? new EncodedMessage(Buffer.concat([answer.bytes, REPLAYED])) : answer;
    },
  };
}
