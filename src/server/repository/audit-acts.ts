import type { EntityManager } from '@mikro-orm/postgresql';
import { AuditEntity } from '../database/entities/server.ts';
import type { Act } from '../domain/audit.ts';

/** Writes an act down, in the transaction of `em`: the act and its account are there together or not at all. */
export async function insertAct(em: EntityManager, act: Act | undefined): Promise<void> {
  if (act === undefined) return;
  await em.insert(AuditEntity, {
    workspaceId: act.workspaceId,
    keyId: act.keyId,
    author: act.actor,
    peer: act.peer,
    callId: act.callId,
    action: act.action,
    target: act.target,
    details: act.details ?? null,
  });
}
