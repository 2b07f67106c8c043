import { isDeepStrictEqual } from 'node:util';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { CallContext } from '../domain/call-context.ts';
import type {
  Setting,
  SettingChange,
  SettingDone,
  SettingOutcome,
  SettingRefusal,
  SettingWrite,
} from '../domain/config/setting.ts';
import { type JsonValue, Operation } from '../domain/memory.ts';
import type { SealedChange, SealedValues } from '../domain/sealing/sealed-values.ts';
import { insertAct } from './audit-acts.ts';

/** Ends the transaction that decided against the write. */
class Refused extends Error {
  readonly index: number;
  readonly refusal: SettingRefusal;
  readonly currentChangeNo: number;

  constructor(index: number, refusal: SettingRefusal, currentChangeNo: number) {
    super(refusal);
    this.index = index;
    this.refusal = refusal;
    this.currentChangeNo = currentChangeNo;
  }
}

/** Ends one that only tried. */
class Tried extends Error {}

interface CurrentRow {
  readonly value: JsonValue;
  readonly sealed: SealedValues | null;
  readonly change_no: string | number;
  readonly author: string;
  readonly update_time: string | number;
}

/**
 * Changes settings, all or none. The lock of the workspace's row puts its changes in one order, so that
 * etags and kept secrets are exact; settings are changed by people, and seldom.
 */
export async function writeSettings(
  em: EntityManager,
  call: CallContext,
  { changes, note, validateOnly, act }: SettingWrite,
): Promise<SettingOutcome> {
  const settings: (SettingDone | undefined)[] = [];
  try {
    await em.transactional(async (tx) => {
      await tx.execute('SELECT 1 FROM workspaces WHERE id = ? FOR NO KEY UPDATE', [call.workspaceId]);
      for (const [index, change] of changes.entries()) settings.push(await writeOne(tx, call, index, change, note));
      if (validateOnly) throw new Tried();
      if (!settings.some((done) => done?.changed)) return;
      await insertAct(tx, act);
      await tx.execute("UPDATE cache_generations SET generation = generation + 1 WHERE cache = 'configuration'");
    });
  } catch (error) {
    if (error instanceof Refused) return { kind: 'refused', ...pick(error) };
    if (!(error instanceof Tried)) throw error;
  }
  return { kind: 'done', settings };
}

function pick({ index, refusal, currentChangeNo }: Refused) {
  return { index, refusal, currentChangeNo };
}

async function writeOne(
  em: EntityManager,
  call: CallContext,
  index: number,
  change: SettingChange,
  note: string,
): Promise<SettingDone | undefined> {
  const { userId, name, value, expectedChangeNo } = change;
  const key = [call.workspaceId, userId, name];
  const [current] = await em.execute<CurrentRow[]>(
    `SELECT value, sealed, change_no, author, (extract(epoch FROM update_time) * 1000000)::int8 AS update_time
       FROM settings WHERE workspace_id = ? AND user_id = ? AND name = ?`,
    key,
  );
  const currentChangeNo = Number(current?.change_no ?? 0);
  if (expectedChangeNo !== undefined && expectedChangeNo !== currentChangeNo) {
    throw new Refused(index, current === undefined ? 'not_found' : 'etag_mismatch', currentChangeNo);
  }
  if (value === undefined) {
    if (current === undefined) return undefined;
    await em.execute('DELETE FROM settings WHERE workspace_id = ? AND user_id = ? AND name = ?', key);
    const { changeNo, at } = await insertRevision(em, call, change, undefined, Operation.DELETE, note);
    return { setting: settingOf(change, null, undefined, changeNo, call.author, at), changed: true };
  }
  const sealed = mergeSealed(change.sealed, current?.sealed);
  if (sealed === 'lost') throw new Refused(index, 'sealed_unknown', currentChangeNo);
  const same = current !== undefined && isDeepStrictEqual(current.value, value);
  if (same && isDeepStrictEqual(current.sealed ?? undefined, sealed)) {
    const { author, update_time: at } = current;
    return { setting: settingOf(change, value, sealed, currentChangeNo, author, Number(at)), changed: false };
  }
  const operation = current === undefined ? Operation.CREATE : Operation.UPDATE;
  const { changeNo, at } = await insertRevision(em, call, change, sealed, operation, note);
  await em.execute(
    `INSERT INTO settings (workspace_id, user_id, name, value, sealed, change_no, author, update_time)
     VALUES (?, ?, ?, ?::jsonb, ?::jsonb, ?, ?, timestamptz 'epoch' + ?::int8 * interval '1 microsecond')
     ON CONFLICT (workspace_id, user_id, name) DO UPDATE SET value = excluded.value, sealed = excluded.sealed,
       change_no = excluded.change_no, author = excluded.author, update_time = excluded.update_time`,
    [...key, JSON.stringify(value), jsonOrNull(sealed), changeNo, call.author, at],
  );
  return { setting: settingOf(change, value, sealed, changeNo, call.author, at), changed: true };
}

async function insertRevision(
  em: EntityManager,
  call: CallContext,
  { userId, name, value }: SettingChange,
  sealed: SealedValues | undefined,
  operation: Operation,
  note: string,
): Promise<{ changeNo: number; at: number }> {
  const [row] = await em.execute<{ change_no: string; at: string }[]>(
    `INSERT INTO setting_revisions (workspace_id, user_id, name, operation, value, sealed, author, note)
     VALUES (?, ?, ?, ?, ?::jsonb, ?::jsonb, ?, ?)
     RETURNING change_no, (extract(epoch FROM at) * 1000000)::int8 AS at`,
    [call.workspaceId, userId, name, operation, jsonOrNull(value), jsonOrNull(sealed), call.author, note],
  );
  return { changeNo: Number(row?.change_no), at: Number(row?.at) };
}

/** Fresh ciphertexts, and of those to be kept what is there. */
function mergeSealed(
  change: SealedChange | undefined,
  current: SealedValues | null | undefined,
): SealedValues | undefined | 'lost' {
  if (change === undefined) return undefined;
  const merged: Record<string, string> = {};
  for (const [key, sealed] of Object.entries(change)) {
    const kept = sealed ?? (current && Object.hasOwn(current, key) ? current[key] : undefined);
    if (kept === undefined) return 'lost';
    merged[key] = kept;
  }
  return merged;
}

function jsonOrNull(value: unknown): string | null {
  return value === undefined ? null : JSON.stringify(value);
}

function settingOf(
  { userId, name }: SettingChange,
  value: JsonValue,
  sealed: SealedValues | undefined,
  changeNo: number,
  author: string,
  updateTime: number,
): Setting {
  return { userId, name, value, sealed, changeNo, author, updateTime };
}
