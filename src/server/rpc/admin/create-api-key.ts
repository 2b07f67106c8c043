import {
  AdminServiceService,
  type CreateApiKeyRequest,
  type CreateApiKeyResponse,
} from '../../../shared/gen/memoryhub/v1/admin_service.ts';
import type { AdminService } from '../../domain/admin-service.ts';
import { Role } from '../../domain/principal.ts';
import type { UnaryMethod } from '../method.ts';
import { apiKeyMessage } from './messages.ts';

export function createApiKey(service: AdminService): UnaryMethod<CreateApiKeyRequest, CreateApiKeyResponse> {
  return {
    definition: AdminServiceService.createApiKey,
    roles: [Role.ADMIN, Role.OPERATOR],
    async handle(call, { apiKey }) {
      call.answersInClear();
      const { key, credential } = await service.createApiKey(call, {
        name: apiKey?.name ?? '',
        role: apiKey?.role ?? 0,
        workspace: apiKey?.workspace ?? '',
        access: { userId: apiKey?.userId ?? '', teams: apiKey?.teams ?? [] },
        description: apiKey?.description ?? '',
        expireTime: apiKey?.expireTime,
        ttl: apiKey?.ttl,
      });
      return { apiKey: apiKeyMessage(key), credential };
    },
  };
}
