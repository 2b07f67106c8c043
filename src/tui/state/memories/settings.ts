import type { Setting } from '../../../shared/gen/memoryhub/v1/config_service.ts';
import { isHiddenName } from '../../../shared/sensitive-names.ts';
import { msFromTimestamp } from '../../../shared/time.ts';
import { passes } from '../filter.ts';
import type { MonitorState } from '../state.ts';
import { MASK, withoutSecrets } from './secrets.ts';

/** A setting in force, as its row. Its value is masked before it gets here. */
export interface SettingRow {
  readonly name: string;
  /** Empty: the workspace. */
  readonly userId: string;
  readonly value: string;
  /** Number of memoryhub.v1.SettingSource. */
  readonly source: number;
  readonly author: string;
  readonly updateMs: number | undefined;
  readonly description: string;
}

/** What stands for a secret that the server sealed. */
const SEALED = /\[sealed:[^\]]*\]/g;
const VALUE_HEAD = 1000;
const SOURCES = ['unknown', 'default', 'workspace', 'user'];

/** What is kept of a setting: nothing secret, neither in the open nor as the placeholder of one. */
export function settingRow({ name, userId, value, source, author, updateTime, description }: Setting): SettingRow {
  const text = value === undefined ? '' : isHiddenName(name) ? MASK : JSON.stringify(withoutSecrets(value));
  return {
    name,
    userId,
    value: text.slice(0, VALUE_HEAD).replace(SEALED, MASK),
    source,
    author,
    updateMs: updateTime === undefined ? undefined : msFromTimestamp(updateTime),
    description,
  };
}

/** Where a value is from, in a word. */
export function sourceName(source: number): string {
  return SOURCES[source] ?? 'unknown';
}

/** Those of the workspace by name, then those of each user, that pass the filter. */
export function settingRows({ memories, view }: MonitorState): readonly SettingRow[] {
  const { filter } = view.settings;
  return (memories.settings ?? []).filter(({ name, userId, source, author }) =>
    passes(filter, name, userId === '' ? 'workspace' : userId, sourceName(source), author),
  );
}
