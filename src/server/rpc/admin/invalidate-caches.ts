import {
  AdminServiceService,
  type InvalidateCachesRequest,
  type InvalidateCachesResponse,
} from '../../../shared/gen/memoryhub/v1/admin_service.ts';
import type { AdminService } from '../../domain/admin-service.ts';
import { Role } from '../../domain/principal.ts';
import type { UnaryMethod } from '../method.ts';

export function invalidateCaches(
  service: AdminService,
): UnaryMethod<InvalidateCachesRequest, InvalidateCachesResponse> {
  return {
    definition: AdminServiceService.invalidateCaches,
    roles: [Role.ADMIN, Role.OPERATOR],
    async handle(call, { caches, workspace }) {
      return { caches: await service.invalidateCaches(call, caches, workspace) };
    },
  };
}
