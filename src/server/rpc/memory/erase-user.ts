import {
  type EraseUserRequest,
  type EraseUserResponse,
  MemoryServiceService,
} from '../../../shared/gen/memoryhub/v1/memory_service.ts';
import { Role } from '../../domain/principal.ts';
import type { MemoryPurge } from '../../domain/purge.ts';
import type { UnaryMethod } from '../method.ts';
import { receiptMessage } from './purge-receipt.ts';

export function eraseUser(purge: MemoryPurge): UnaryMethod<EraseUserRequest, EraseUserResponse> {
  return {
    definition: MemoryServiceService.eraseUser,
    roles: [Role.ADMIN],
    async handle(call, request) {
      const receipt = await purge.eraseUser(call, request);
      return {
        receipt: receiptMessage(receipt),
        renamedRevisions: BigInt(receipt.renamedRevisions),
        auditEvents: BigInt(receipt.auditEvents),
        settings: BigInt(receipt.settings),
        apiKeyIds: [...receipt.apiKeyIds],
      };
    },
  };
}
