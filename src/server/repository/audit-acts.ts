import type { EntityManager } from '@mikro-orm/postgresql';
import type { Act } from '../domain/audit.ts';

const COLUMNS = ['workspace_id', 'key_id', 'author', 'peer', 'call_id', 'action', 'target', 'details'];

/** One act; its values are those of actValues. */
export const INSERT_ACT = insertInto((column) => `$${column + 1}`);
const INSERT_ACT_BY_ORM = insertInto(() => '?');

function insertInto(value: (column: number) => string): string {
  const values = COLUMNS.map((name, column) => (name === 'details' ? `${value(column)}::jsonb` : value(column)));
  return `INSERT INTO audit (${COLUMNS.join(', ')}) VALUES (${values.join(', ')})`;
}

export function actValues(act: Act): unknown[] {
  const details = act.details === undefined ? null : JSON.stringify(act.details);
  return [act.workspaceId, act.keyId, act.actor, act.peer, act.callId, act.action, act.target, details];
}

/** Writes an act down, in the transaction of `em`: the act and its account are there together or not at all. */
export async function insertAct(em: EntityManager, act: Act | undefined): Promise<void> {
  if (act !== undefined) await em.execute(INSERT_ACT_BY_ORM, actValues(act));
}
