import type { Memory } from '../../../shared/gen/memoryhub/v1/memory.ts';
import { type DeleteMemoryRequest, MemoryServiceService } from '../../../shared/gen/memoryhub/v1/memory_service.ts';
import type { MemoryService } from '../../domain/memory-service.ts';
import type { UnaryMethod } from '../method.ts';
import { WRITERS, writtenAnswer } from './answers.ts';

export function deleteMemory(service: MemoryService): UnaryMethod<DeleteMemoryRequest, Memory> {
  return {
    definition: MemoryServiceService.deleteMemory,
    roles: WRITERS,
    async handle(call, request) {
      const { record, head } = await service.delete(call, request);
      return writtenAnswer(call, record, head);
    },
  };
}
