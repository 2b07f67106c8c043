import {
  AdminServiceService,
  type ListWorkspacesRequest,
  type ListWorkspacesResponse,
  Workspace,
} from '../../../shared/gen/memoryhub/v1/admin_service.ts';
import type { AdminService } from '../../domain/admin-service.ts';
import { Role } from '../../domain/principal.ts';
import type { StreamMethod } from '../method.ts';
import { inMessages, workspaceMessage } from './messages.ts';

export function listWorkspaces(service: AdminService): StreamMethod<ListWorkspacesRequest, ListWorkspacesResponse> {
  return {
    definition: AdminServiceService.listWorkspaces,
    roles: [Role.OPERATOR],
    async *handle() {
      const rows = (await service.listWorkspaces()).map(workspaceMessage);
      for (const workspaces of inMessages(rows, Workspace)) yield { workspaces };
    },
  };
}
