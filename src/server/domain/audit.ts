import type { JsonObject, Micros } from './memory.ts';
import type { Caller } from './principal.ts';

/** An administrative act, as the audit trail keeps it. Never content of memories, filters or secrets. */
export interface Act {
  /** Id of the credential; empty when the server acts by itself. */
  readonly keyId: string;
  /** Name of the key, or subject of the token. */
  readonly actor: string;
  readonly peer: string;
  /** x-request-id. */
  readonly callId: string;
  /** The RPC without its service: "RevokeApiKey". */
  readonly action: string;
  /** Whose admins may read of it; 0: operators only. */
  readonly workspaceId: number;
  /** What was acted on: the id of a key, the name of a workspace. */
  readonly target: string;
  readonly details?: JsonObject;
}

/** An act of a caller. */
export function actOf(caller: Caller, what: Pick<Act, 'action' | 'workspaceId' | 'target' | 'details'>): Act {
  const { principal, peer, callId } = caller;
  return { keyId: principal.keyId, actor: principal.name, peer, callId, ...what };
}

/** One entry of the trail: an act, or refused access. */
export interface AuditEvent extends Omit<Act, 'details'> {
  readonly id: number;
  readonly time: Micros;
  readonly workspace: string;
  readonly details: JsonObject | undefined;
  /** The ErrorReason of refused access; empty for what was done. */
  readonly reason: string;
  /** How often, since `time` and within the hour: refused access is counted, not listed. */
  readonly count: number;
  readonly lastTime: Micros;
}

/** Refused access, counted since it was last written down. */
export interface CountedRefusal extends Omit<Act, 'details'> {
  readonly reason: string;
  readonly count: number;
  /** Milliseconds since the first and the last of them. */
  readonly firstAgoMs: number;
  readonly lastAgoMs: number;
}

export const AuditKind = { ACT: 1, REFUSAL: 2 } as const;
export type AuditKind = (typeof AuditKind)[keyof typeof AuditKind];

export interface AuditQuery {
  /** undefined: of the whole server. */
  readonly workspaceId: number | undefined;
  /** From this time on, and before that one. */
  readonly start: Micros | undefined;
  readonly end: Micros | undefined;
  /** Empty: any. */
  readonly action: string;
  readonly actor: string;
  readonly kind: AuditKind | undefined;
  /** Ids below this one; undefined: from the newest. */
  readonly before: number | undefined;
  readonly pageSize: number;
}

/** The trail. Acts are written by whoever acts, in the same transaction. Errors as MemoryRepository. */
export interface AuditRepository {
  /** Newest first. */
  listAudit(query: AuditQuery): Promise<AuditEvent[]>;
  /** Adds to what was counted within this hour. */
  countRefusals(refusals: readonly CountedRefusal[]): Promise<void>;
}
