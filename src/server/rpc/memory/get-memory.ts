import type { Memory } from '../../../shared/gen/memoryhub/v1/memory.ts';
import { type GetMemoryRequest, MemoryServiceService } from '../../../shared/gen/memoryhub/v1/memory_service.ts';
import type { MemoryService } from '../../domain/memory-service.ts';
import type { UnaryMethod } from '../method.ts';
import { READERS, readAnswer } from './answers.ts';

export function getMemory(service: MemoryService): UnaryMethod<GetMemoryRequest, Memory> {
  return {
    definition: MemoryServiceService.getMemory,
    roles: READERS,
    handle(call, request) {
      if (request.revealSensitive) call.answersInClear();
      const found = request.revealSensitive ? service.reveal(call, request) : service.get(call, request);
      if (!(found instanceof Promise)) return readAnswer(found, request.view);
      return found.then((record) => readAnswer(record, request.view));
    },
  };
}
