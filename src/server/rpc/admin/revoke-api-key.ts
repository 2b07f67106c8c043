import {
  AdminServiceService,
  type ApiKey,
  type RevokeApiKeyRequest,
} from '../../../shared/gen/memoryhub/v1/admin_service.ts';
import type { AdminService } from '../../domain/admin-service.ts';
import { Role } from '../../domain/principal.ts';
import type { UnaryMethod } from '../method.ts';
import { apiKeyMessage } from './messages.ts';

export function revokeApiKey(service: AdminService): UnaryMethod<RevokeApiKeyRequest, ApiKey> {
  return {
    definition: AdminServiceService.revokeApiKey,
    roles: [Role.ADMIN, Role.OPERATOR],
    async handle(call, { id }) {
      return apiKeyMessage(await service.revokeApiKey(call, id));
    },
  };
}
