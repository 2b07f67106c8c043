import {
  AdminServiceService,
  ApiKey,
  type ListApiKeysRequest,
  type ListApiKeysResponse,
} from '../../../shared/gen/memoryhub/v1/admin_service.ts';
import type { AdminService } from '../../domain/admin-service.ts';
import { Role } from '../../domain/principal.ts';
import type { StreamMethod } from '../method.ts';
import { apiKeyMessage, inMessages } from './messages.ts';

export function listApiKeys(service: AdminService): StreamMethod<ListApiKeysRequest, ListApiKeysResponse> {
  return {
    definition: AdminServiceService.listApiKeys,
    roles: [Role.ADMIN, Role.OPERATOR],
    async *handle(call, { workspace }) {
      const keys = await service.listApiKeys(call.principal, workspace);
      for (const apiKeys of inMessages(keys.map(apiKeyMessage), ApiKey)) yield { apiKeys };
    },
  };
}
