import type { PlanCase, Statement } from './statement.ts';

const SETTING = `user_id, name, value, sealed, change_no, author, (extract(epoch FROM update_time) * 1000000)::int8`;

/** The settings of one user, of the workspace (an empty one), or of everybody (NULL); by user and name. */
export const SETTINGS_OF: Statement = {
  kind: 'settings_of',
  name: 'settings_of',
  text: `SELECT ${SETTING} FROM settings
          WHERE workspace_id = $1::int4 AND ($2::text IS NULL OR user_id = $2::text)
          ORDER BY user_id COLLATE "C", name COLLATE "C"`,
};

export const SETTING_BY_NAME: Statement = {
  kind: 'setting_by_name',
  name: 'setting_by_name',
  text: `SELECT ${SETTING} FROM settings WHERE workspace_id = $1::int4 AND user_id = $2::text AND name = $3::text`,
};

/** Newest first. */
export const SETTING_HISTORY: Statement = {
  kind: 'setting_history',
  name: 'setting_history',
  text: `SELECT user_id, name, value, sealed, change_no, author, (extract(epoch FROM at) * 1000000)::int8, operation, note
           FROM setting_revisions
          WHERE workspace_id = $1::int4 AND user_id = $2::text AND name = $3::text
          ORDER BY change_no DESC LIMIT $4::int8`,
};

export const planCases: readonly PlanCase[] = [
  { title: 'settings of a user', statement: SETTINGS_OF, values: ['1', 'user1'], indexes: ['settings_pkey'] },
  { title: 'a setting', statement: SETTING_BY_NAME, values: ['1', '', 'llm.model'], indexes: ['settings_pkey'] },
  {
    title: 'history of a setting',
    statement: SETTING_HISTORY,
    values: ['1', '', 'llm.model', '10'],
    indexes: ['setting_revisions_setting'],
  },
];
