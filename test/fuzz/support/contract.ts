import { readFileSync } from 'node:fs';
import { createFileRegistry, type DescMethod, fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { declarations } from '../../../docs/contract.ts';
import { roleName } from '../../../src/server/domain/principal.ts';
import { rolesIn } from '../../support/contract-roles.ts';

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

/** Streams that may rightly say nothing for as long as they are open. */
export const LIVES_ON = /\/(?:Watch\w+|CaptureProfile)$/;

/**
 * RPCs that go through all that is stored, or stop the process to show what is in it: one of them costs
 * what a hundred others do.
 */
const HEAVY = new Set(['RotateSealingKeys', 'PurgeMemories', 'EraseUser', 'CaptureProfile', 'InvalidateCaches']);

/** How often an RPC is called beside others. */
export function weightOf({ name }: DescMethod): number {
  return HEAVY.has(name) ? 1 : 25;
}

const comments = new Map(declarations().map(({ name, comment }) => [name, comment]));

/** Names of the roles that may call it, as its comment has it; bound keys are tried wherever writers are. */
export function rolesOf(method: DescMethod): string[] {
  const roles = rolesIn(comments.get(`${method.parent.typeName}.${method.name}`) ?? '');
  const names = roles.map(roleName);
  return names.includes('writer') ? [...names, 'bound writer'] : names;
}
