import {
  AdminServiceService,
  type RotateKeysRequest,
  type RotateKeysResponse,
} from '../../../shared/gen/memoryhub/v1/admin_service.ts';
import type { AdminService } from '../../domain/admin-service.ts';
import { Role } from '../../domain/principal.ts';
import type { UnaryMethod } from '../method.ts';
import { apiKeyMessage } from './messages.ts';

export function rotateKeys(service: AdminService): UnaryMethod<RotateKeysRequest, RotateKeysResponse> {
  return {
    definition: AdminServiceService.rotateKeys,
    roles: [Role.ADMIN, Role.OPERATOR],
    async handle(call, request) {
      call.answersInClear();
      const rotated = await service.rotateKeys(call, request);
      return { keys: rotated.map(({ key, credential }) => ({ apiKey: apiKeyMessage(key), credential })) };
    },
  };
}
