import type { Database } from '../database/database.ts';
import type { Setting, SettingKey, SettingRepository, SettingRevision } from '../domain/config/setting.ts';
import type { JsonValue, Operation } from '../domain/memory.ts';
import type { SealedValues } from '../domain/sealing/sealed-values.ts';
import { toWriteError, translating } from './driver-errors.ts';
import { writeSettings } from './setting-writes.ts';
import { SETTING_BY_NAME, SETTING_HISTORY, SETTINGS_OF } from './statements/settings.ts';
import type { Statement } from './statements/statement.ts';

type SettingFields = [
  userId: string,
  name: string,
  value: JsonValue,
  sealed: SealedValues | null,
  changeNo: number,
  author: string,
  updateTime: number,
];

/** Settings in PostgreSQL. */
export function createSettingRepository(database: Database): SettingRepository {
  const read = <T>({ name, text }: Statement, values: readonly unknown[], of: (fields: never) => T): Promise<T[]> =>
    translating(async () => {
      const query = { text, values: [...values], rowMode: 'array' as const };
      const { rows } = await database.pool.query<unknown[]>(name === undefined ? query : { ...query, name });
      return rows.map((row) => of(row as never));
    });

  return {
    settings: (workspaceId, userId) => read(SETTINGS_OF, [workspaceId, userId ?? null], settingOf),
    setting: async (workspaceId, { userId, name }: SettingKey) =>
      (await read(SETTING_BY_NAME, [workspaceId, userId, name], settingOf))[0],
    history: (workspaceId, { userId, name }, limit) =>
      read(SETTING_HISTORY, [workspaceId, userId, name, limit], revisionOf),
    write: async (call, write) => {
      try {
        return await writeSettings((await database.orm()).em.fork(), call, write);
      } catch (error) {
        throw toWriteError(error);
      }
    },
  };
}

function settingOf([userId, name, value, sealed, changeNo, author, updateTime]: SettingFields): Setting {
  return {
    userId,
    name,
    value,
    sealed: sealed ?? undefined,
    changeNo: Number(changeNo),
    author,
    updateTime: Number(updateTime),
  };
}

const DELETE: Operation = 3;

function revisionOf(fields: [...SettingFields, operation: number, note: string]): SettingRevision {
  const [, , value, , , , , operation, note] = fields;
  const setting = settingOf(fields.slice(0, 7) as SettingFields);
  return {
    ...setting,
    operation: operation as Operation,
    note,
    value: operation === DELETE ? undefined : value,
  };
}
