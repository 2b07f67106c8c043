import {
  AdminServiceService,
  type ListWorkspacesRequest,
  type ListWorkspacesResponse,
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
      for (const rows of inMessages(await service.listWorkspaces())) yield { workspaces: rows.map(workspaceMessage) };
    },
  };
}
