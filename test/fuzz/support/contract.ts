import { readFileSync } from 'node:fs';
import { createFileRegistry, type DescMethod, fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';

const DESCRIPTOR_SET = new URL('../../../proto/memoryhub.binpb', import.meta.url);

/** Every RPC of the contract, as the descriptor set has it: what is added there is here at once. */
export const METHODS: readonly DescMethod[] = [
  ...createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(DESCRIPTOR_SET))),
]
  .filter((type) => type.kind === 'service')
  .filter((service) => service.typeName.startsWith('memoryhub.v1.'))
  .flatMap((service) => service.methods);

/** "/memoryhub.v1.MemoryService/SaveMemory" */
export function pathOf(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}
