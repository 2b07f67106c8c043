import type { Database } from '../database/database.ts';
import type { AuditEvent, AuditRepository, CountedRefusal } from '../domain/audit.ts';
import type { JsonObject } from '../domain/memory.ts';
import { translating } from './driver-errors.ts';
import { auditPage } from './statements/audit-page.ts';

/**
 * Counts refused access into the row of its caller, RPC and reason in this hour. In the order of the
 * index, so that two processes that count the same cannot wait for each other.
 */
export const COUNT_REFUSALS = {
  name: 'count_refusals',
  text: `
    INSERT INTO audit (workspace_id, key_id, author, action, target, peer, call_id, reason, occurrences, at, last_time,
                       period)
    SELECT workspace_id, key_id, author, action, target, peer, call_id, reason, occurrences,
           clock_timestamp() - first_ago * interval '1 millisecond',
           clock_timestamp() - last_ago * interval '1 millisecond', date_trunc('hour', clock_timestamp())
      FROM unnest($1::int4[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
                  $9::int8[], $10::float8[], $11::float8[])
        AS r(workspace_id, key_id, author, action, target, peer, call_id, reason, occurrences, first_ago, last_ago)
     ORDER BY reason, action, target, key_id, author, peer
        ON CONFLICT (period, reason, action, target, key_id, author, peer) WHERE period IS NOT NULL
        DO UPDATE SET occurrences = audit.occurrences + excluded.occurrences,
                      last_time = greatest(audit.last_time, excluded.last_time)`,
};

type EventFields = [
  id: number,
  time: number,
  workspaceId: number,
  workspace: string,
  keyId: string,
  actor: string,
  peer: string,
  callId: string,
  action: string,
  target: string,
  details: JsonObject | null,
  reason: string,
  count: number,
  lastTime: number,
];

/** The audit trail in PostgreSQL. */
export function createAuditRepository({ pool }: Pick<Database, 'pool'>): AuditRepository {
  return {
    listAudit: (query) =>
      translating(async () => {
        const { statement, values } = auditPage(query);
        const { rows } = await pool.query<EventFields>({
          rowMode: 'array',
          text: statement.text,
          values: [...values],
        });
        return rows.map(eventOf);
      }),

    countRefusals: (refusals) =>
      translating(async () => {
        const columns: ((refusal: CountedRefusal) => unknown)[] = [
          (each) => each.workspaceId,
          (each) => each.keyId,
          (each) => each.actor,
          (each) => each.action,
          (each) => each.target,
          (each) => each.peer,
          (each) => each.callId,
          (each) => each.reason,
          (each) => each.count,
          (each) => each.firstAgoMs,
          (each) => each.lastAgoMs,
        ];
        await pool.query({ ...COUNT_REFUSALS, values: columns.map((column) => refusals.map(column)) });
      }),
  };
}

function eventOf(fields: EventFields): AuditEvent {
  const [id, time, workspaceId, workspace, keyId, actor, peer, callId, action, target, details, ...rest] = fields;
  const [reason, count, lastTime] = rest;
  const what = { action, target, details: details ?? undefined, reason, count, lastTime };
  return { id, time, workspaceId, workspace, keyId, actor, peer, callId, ...what };
}
