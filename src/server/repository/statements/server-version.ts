import type { PlanCase, Statement } from './statement.ts';

export const SERVER_VERSION: Statement = {
  kind: 'server_version',
  name: undefined,
  text: `SELECT current_setting('server_version')`,
};

export const planCases: readonly PlanCase[] = [
  { title: 'version', statement: SERVER_VERSION, values: [], indexes: [] },
];
