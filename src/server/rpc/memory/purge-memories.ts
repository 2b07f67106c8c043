import {
  MemoryServiceService,
  type PurgeMemoriesRequest,
  type PurgeMemoriesResponse,
} from '../../../shared/gen/memoryhub/v1/memory_service.ts';
import { Role } from '../../domain/principal.ts';
import type { MemoryPurge } from '../../domain/purge.ts';
import type { UnaryMethod } from '../method.ts';
import { receiptMessage } from './purge-receipt.ts';

export function purgeMemories(purge: MemoryPurge): UnaryMethod<PurgeMemoriesRequest, PurgeMemoriesResponse> {
  return {
    definition: MemoryServiceService.purgeMemories,
    roles: [Role.ADMIN],
    async handle(call, request) {
      return { receipt: receiptMessage(await purge.purge(call, request)) };
    },
  };
}
