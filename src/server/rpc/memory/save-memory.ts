import type { Memory } from '../../../shared/gen/memoryhub/v1/memory.ts';
import { MemoryServiceService, type SaveMemoryRequest } from '../../../shared/gen/memoryhub/v1/memory_service.ts';
import type { MemoryService } from '../../domain/memory-service.ts';
import type { UnaryMethod } from '../method.ts';
import { WRITERS, writtenAnswer } from './answers.ts';

export function saveMemory(service: MemoryService): UnaryMethod<SaveMemoryRequest, Memory> {
  return {
    definition: MemoryServiceService.saveMemory,
    roles: WRITERS,
    async handle(call, request) {
      const { record, head } = await service.save(call, request);
      return writtenAnswer(call, record, head);
    },
  };
}
