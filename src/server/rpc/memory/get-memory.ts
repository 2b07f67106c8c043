import type { Memory } from '../../../shared/gen/memoryhub/v1/memory.ts';
import { type GetMemoryRequest, MemoryServiceService } from '../../../shared/gen/memoryhub/v1/memory_service.ts';
import type { MemoryService } from '../../domain/memory-service.ts';
import { EncodedMessage, type UnaryMethod } from '../method.ts';
import { READERS, viewed } from './answers.ts';

export function getMemory(service: MemoryService): UnaryMethod<GetMemoryRequest, Memory> {
  return {
    definition: MemoryServiceService.getMemory,
    roles: READERS,
    handle(call, request) {
      if (request.revealSensitive) call.answersInClear();
      const found = request.revealSensitive ? service.reveal(call, request) : service.get(call, request);
      if (!(found instanceof Promise)) return new EncodedMessage(viewed(found, request.view));
      return found.then((record) => new EncodedMessage(viewed(record, request.view)));
    },
  };
}
