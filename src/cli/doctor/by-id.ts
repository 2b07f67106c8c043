import type { GetMemoryRequest } from '../../shared/gen/memoryhub/v1/memory_service.ts';

/** The request of a GetMemory by id. */
export function byId(id: string): Pick<GetMemoryRequest, 'target'> {
  return { target: { $case: 'id', value: id } };
}
