import type { CallSettings } from '../../shared/service-api.ts';
import type { MemoryHub } from '../../shared/service-client.ts';
import { type SettingRow, settingRow } from '../state/memories/settings.ts';

/** A workspace may have thousands of users with settings of their own: so many are shown. */
const MOST_ROWS = 2000;

/** What is in force in the workspace, defaults included, and then what its users have of their own. Secrets are masked here. */
export async function readSettings({ config }: MemoryHub, settings: CallSettings): Promise<readonly SettingRow[]> {
  const inForce = await config.getConfig({}, settings);
  const rows = inForce.settings.map(settingRow);
  for await (const message of config.listConfig({}, settings)) {
    for (const setting of message.settings) if (setting.userId !== '') rows.push(settingRow(setting));
    if (rows.length >= MOST_ROWS) break;
  }
  return rows.slice(0, MOST_ROWS);
}
