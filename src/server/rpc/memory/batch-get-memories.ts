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
      const frames = new MemoryFrames();
      const { missingIds, remainingIds } = await service.batchGet(call, request, (record, asked) => {
        const message = viewed(record, request.view);
        // Every id might have to be named.
        if (frames.size + framedSize(message.length) > MAX_UNARY_BYTES - ID_BYTES * asked) return false;
        frames.add(message);
        return true;
      });
      return frames.finish(missingIds, remainingIds);
    },
  };
}
