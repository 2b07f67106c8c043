import type { AdminService } from '../../domain/admin-service.ts';
import type { AuditTrail } from '../../domain/audit-trail.ts';
import type { Profiling } from '../../domain/profiling.ts';
import type { SealingRotation } from '../../domain/sealing/rotation.ts';
import type { AnyMethod } from '../method.ts';
import { captureProfile } from './capture-profile.ts';
import { createApiKey } from './create-api-key.ts';
import { createWorkspace } from './create-workspace.ts';
import { invalidateCaches } from './invalidate-caches.ts';
import { listApiKeys } from './list-api-keys.ts';
import { listAuditEvents } from './list-audit-events.ts';
import { listWorkspaces } from './list-workspaces.ts';
import { revokeApiKey } from './revoke-api-key.ts';
import { rotateKeys } from './rotate-keys.ts';
import { rotateSealingKeys } from './rotate-sealing-keys.ts';

/** The RPCs of AdminService. */
export function adminMethods(
  service: AdminService,
  trail: AuditTrail,
  rotation: SealingRotation,
  profiling: Profiling,
): AnyMethod[] {
  return [
    createWorkspace(service),
    listWorkspaces(service),
    createApiKey(service),
    listApiKeys(service),
    revokeApiKey(service),
    rotateKeys(service),
    listAuditEvents(trail),
    invalidateCaches(service),
    rotateSealingKeys(rotation),
    captureProfile(profiling),
  ];
}
