import type { Memory } from '../../../shared/gen/memoryhub/v1/memory.ts';
import { MemoryServiceService, type UpdateMemoryRequest } from '../../../shared/gen/memoryhub/v1/memory_service.ts';
import type { MemoryService } from '../../domain/memory-service.ts';
import type { UnaryMethod } from '../method.ts';
import { WRITERS, writtenAnswer } from './answers.ts';

export function updateMemory(service: MemoryService): UnaryMethod<UpdateMemoryRequest, Memory> {
  return {
    definition: MemoryServiceService.updateMemory,
    roles: WRITERS,
    async handle(call, request) {
      const { record, head } = await service.update(call, request);
      return writtenAnswer(call, record, head);
    },
  };
}
