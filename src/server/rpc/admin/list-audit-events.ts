import {
  AdminServiceService,
  AuditEvent as AuditEventMessage,
  type ListAuditEventsRequest,
  type ListAuditEventsResponse,
} from '../../../shared/gen/memoryhub/v1/admin_service.ts';
import { timestampFromMicros } from '../../../shared/time.ts';
import type { AuditEvent } from '../../domain/audit.ts';
import type { AuditTrail } from '../../domain/audit-trail.ts';
import { Role } from '../../domain/principal.ts';
import type { StreamMethod } from '../method.ts';
import { inMessages } from './messages.ts';

export function listAuditEvents(trail: AuditTrail): StreamMethod<ListAuditEventsRequest, ListAuditEventsResponse> {
  return {
    definition: AdminServiceService.listAuditEvents,
    roles: [Role.ADMIN, Role.OPERATOR],
    async *handle(call, request) {
      for await (const { events, nextPageToken } of trail.list(call.principal, request)) {
        for (const part of inMessages(events.map(eventMessage), AuditEventMessage)) {
          yield { events: part, nextPageToken: '' };
        }
        if (nextPageToken !== '') yield { events: [], nextPageToken };
      }
    },
  };
}

function eventMessage({ id, time, lastTime, count, details, ...texts }: AuditEvent): AuditEventMessage {
  const { workspace, keyId, actor, peer, callId, action, target, reason } = texts;
  return {
    id: BigInt(id),
    createTime: timestampFromMicros(time),
    workspace,
    keyId,
    actor,
    peer,
    callId,
    action,
    target,
    details,
    reason,
    count: BigInt(count),
    lastTime: timestampFromMicros(lastTime),
  };
}
