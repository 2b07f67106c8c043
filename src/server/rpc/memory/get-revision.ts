import type { Revision } from '../../../shared/gen/memoryhub/v1/memory.ts';
import { type GetRevisionRequest, MemoryServiceService } from '../../../shared/gen/memoryhub/v1/memory_service.ts';
import type { MemoryService } from '../../domain/memory-service.ts';
import type { UnaryMethod } from '../method.ts';
import { READERS } from './answers.ts';
import { toRevisionMessage } from './proto-codec.ts';

export function getRevision(service: MemoryService): UnaryMethod<GetRevisionRequest, Revision> {
  return {
    definition: MemoryServiceService.getRevision,
    roles: READERS,
    async handle(call, request) {
      return toRevisionMessage(await service.getRevision(call, request));
    },
  };
}
