import {
  AdminServiceService,
  type CreateWorkspaceRequest,
  type Workspace,
} from '../../../shared/gen/memoryhub/v1/admin_service.ts';
import type { AdminService } from '../../domain/admin-service.ts';
import { Role } from '../../domain/principal.ts';
import type { UnaryMethod } from '../method.ts';
import { workspaceMessage } from './messages.ts';

export function createWorkspace(service: AdminService): UnaryMethod<CreateWorkspaceRequest, Workspace> {
  return {
    definition: AdminServiceService.createWorkspace,
    roles: [Role.OPERATOR],
    async handle(call, { workspace }) {
      return workspaceMessage(await service.createWorkspace(call, workspace?.name ?? '', workspace?.description ?? ''));
    },
  };
}
