import {
  type Setting as SettingMessage,
  type SettingRevision as SettingRevisionMessage,
  SettingSource,
} from '../../../shared/gen/memoryhub/v1/config_service.ts';
import { timestampFromMicros } from '../../../shared/time.ts';
import type { EffectiveSetting } from '../../domain/config/effective-config.ts';
import { KNOWN_SETTINGS } from '../../domain/config/known-settings.ts';
import type { Setting, SettingRevision } from '../../domain/config/setting.ts';

/** With placeholders, unless they were opened. */
export function settingMessage(setting: Omit<Setting, 'value'> & { readonly value: unknown }): SettingMessage {
  const { name, userId, value, changeNo, author, updateTime } = setting;
  return {
    name,
    userId,
    value,
    etag: String(changeNo),
    author,
    updateTime: timestampFromMicros(updateTime),
    source: userId === '' ? SettingSource.WORKSPACE : SettingSource.USER,
    description: KNOWN_SETTINGS.get(name)?.description ?? '',
  };
}

export function effectiveMessage({ name, setting }: EffectiveSetting): SettingMessage {
  if (setting !== undefined) return settingMessage(setting);
  const known = KNOWN_SETTINGS.get(name);
  return {
    name,
    userId: '',
    value: known?.default,
    etag: '',
    author: '',
    updateTime: undefined,
    source: SettingSource.DEFAULT,
    description: known?.description ?? '',
  };
}

export function settingRevisionMessage(revision: SettingRevision): SettingRevisionMessage {
  const { operation, note } = revision;
  return { operation, note, setting: settingMessage(revision) };
}
