import type { Memory } from '../../../shared/gen/memoryhub/v1/memory.ts';
import { MemoryServiceService, type RestoreMemoryRequest } from '../../../shared/gen/memoryhub/v1/memory_service.ts';
import type { MemoryService } from '../../domain/memory-service.ts';
import type { UnaryMethod } from '../method.ts';
import { WRITERS, writtenAnswer } from './answers.ts';

export function restoreMemory(service: MemoryService): UnaryMethod<RestoreMemoryRequest, Memory> {
  return {
    definition: MemoryServiceService.restoreMemory,
    roles: WRITERS,
    async handle(call, request) {
      const { record, head } = await service.restore(call, request);
      return writtenAnswer(call, record, head);
    },
  };
}
