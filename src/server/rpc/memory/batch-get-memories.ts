import {
  type BatchGetMemoriesRequest,
  type BatchGetMemoriesResponse,
  MemoryServiceService,
} from '../../../shared/gen/memoryhub/v1/memory_service.ts';
import type { MemoryService } from '../../domain/memory-service.ts';
import type { UnaryMethod } from '../method.ts';
import { MAX_UNARY_BYTES, READERS, viewed } from './answers.ts';
import { framedSize, MemoryFrames } from './memory-frames.ts';

/** Bytes an id takes in missing_ids or remaining_ids. */
const ID_BYTES = framedSize(36);

/** Answers with as many memories as fit under the limit of a unary message, and names the rest. */
export function batchGetMemories(
  service: MemoryService,
): UnaryMethod<BatchGetMemoriesRequest, BatchGetMemoriesResponse> {
  return {
    definition: MemoryServiceService.batchGetMemories,
    roles: READERS,
    async handle(call, request) {
      const { records, missingIds } = await service.batchGet(call, request);
      const frames = new MemoryFrames();
      const room = MAX_UNARY_BYTES - ID_BYTES * (records.length + missingIds.length);
      for (const { record } of records) {
        const message = viewed(record, request.view);
        if (frames.size + framedSize(message.length) > room) break;
        frames.add(message);
      }
      const remainingIds = records.slice(frames.count).map(({ id }) => id);
      return frames.finish(missingIds, remainingIds);
    },
  };
}
