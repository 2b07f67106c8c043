import { LIMITS } from '../../../shared/limits.ts';
import type { SensitiveNames } from '../../../shared/sensitive-names.ts';
import { actOf } from '../audit.ts';
import type { AuditLog } from '../audit-log.ts';
import type { CallContext } from '../call-context.ts';
import { ServiceError } from '../errors.ts';
import type { JsonObject, JsonValue } from '../memory.ts';
import type { RevealingCall } from '../sealing/metadata-sealing.ts';
import { openInto } from '../sealing/sealed-json.ts';
import type { Sealer } from '../sealing/sealer.ts';
import { checkText, readEtag } from '../validation/text.ts';
import { Violations } from '../validation/violations.ts';
import { EffectiveConfig, type EffectiveSettings } from './effective-config.ts';
import { checkSettingKey, readSetting, type SettingInput, sealSettings, settingRow } from './read-setting.ts';
import type { Setting, SettingChange, SettingDone, SettingKey, SettingRepository, SettingRevision } from './setting.ts';
import { checkMayChange, checkReachesSettings, meantUser, reachesSettings, settingNotFound } from './setting-access.ts';

export interface ConfigServiceParts {
  readonly repository: SettingRepository;
  readonly names: SensitiveNames;
  readonly sealer: Sealer;
  readonly audit: AuditLog;
}

/** What all changes of settings may say besides. */
export interface ChangeInput {
  readonly note: string;
  readonly validateOnly: boolean;
}

/**
 * Settings by workspace and by user: the user's go before the workspace's, and those before the built-in
 * defaults.
 *
 * Errors of all: ServiceError INVALID_FIELD, SETTING_NOT_FOUND, those of Sealer and of the repository.
 */
export class ConfigService {
  readonly #parts: ConfigServiceParts;
  readonly #effective: EffectiveConfig;

  constructor(parts: ConfigServiceParts) {
    this.#parts = parts;
    this.#effective = new EffectiveConfig(parts.repository);
  }

  /** What is in force, by name; at once where it is known. */
  get(call: CallContext, userId: string): EffectiveSettings | Promise<EffectiveSettings> {
    const user = this.#user(call, userId);
    return this.#effective.get(call.workspaceId, user);
  }

  /** @throws ServiceError ROLE_DENIED, ETAG_MISMATCH, SEALED_VALUE_UNKNOWN */
  async set(call: RevealingCall, input: SettingInput, etag: string, given: ChangeInput): Promise<Setting> {
    const userId = meantUser(call.access, input.userId);
    const violations = new Violations();
    const change = readSetting(violations, 'setting', { ...input, userId });
    const expectedChangeNo = readEtag(violations, 'etag', etag);
    checkMayChange(call.principal, userId);
    const [done] = await this.#write(call, 'SetConfig', violations, [{ ...change, expectedChangeNo }], given);
    if (done === undefined) throw new Error('a setting that was set is not there');
    return done.setting;
  }

  /** @throws ServiceError ROLE_DENIED, ETAG_MISMATCH */
  async delete(
    call: RevealingCall,
    key: SettingKey,
    etag: string,
    given: { note: string; allowMissing: boolean },
  ): Promise<void> {
    const userId = meantUser(call.access, key.userId);
    const violations = new Violations();
    checkSettingKey(violations, '', { ...key, userId });
    const expectedChangeNo = readEtag(violations, 'etag', etag);
    checkMayChange(call.principal, userId);
    const change = { userId, name: key.name, value: undefined, sealed: undefined, expectedChangeNo };
    const write = { note: given.note, validateOnly: false };
    const [done] = await this.#write(call, 'DeleteConfig', violations, [change], write);
    if (done === undefined && !given.allowMissing) throw settingNotFound();
  }

  /** What is set: a user's, or all that the key reaches. */
  async list(call: CallContext, userId: string): Promise<Setting[]> {
    const violations = new Violations();
    if (userId !== '') checkSettingKey(violations, '', { userId, name: 'any' });
    violations.check();
    checkReachesSettings(call.access, userId);
    const settings = await this.#parts.repository.settings(call.workspaceId, userId === '' ? undefined : userId);
    return settings.filter((setting) => reachesSettings(call.access, setting.userId));
  }

  /** Everything that is set, in clear when it is asked for; for admins. */
  async export(call: RevealingCall, reveal: boolean): Promise<Setting[]> {
    if (reveal) {
      const { workspaceId } = call;
      const details = { reveal_sensitive: true };
      await this.#parts.audit.record(actOf(call, { action: 'ExportConfig', workspaceId, target: '', details }));
    }
    const { era } = this.#parts.sealer;
    const settings = await this.#parts.repository.settings(call.workspaceId, undefined);
    return reveal ? this.#opened(call.workspaceId, settings, era) : settings;
  }

  /** @returns how many were set, and how many had the value already; for admins */
  async import(
    call: RevealingCall,
    inputs: readonly SettingInput[],
    given: ChangeInput,
  ): Promise<{ changed: number; unchanged: number }> {
    const violations = new Violations();
    const changes: SettingChange[] = [];
    if (violations.within('settings', inputs.length, LIMITS.batchItems)) {
      const seen = new Map<string, number>();
      inputs.forEach((input, index) => {
        changes.push(readSetting(violations, `settings[${index}]`, input));
        const key = `${input.name} ${input.userId}`;
        const first = seen.get(key);
        if (first === undefined) seen.set(key, index);
        else violations.add(`settings[${index}]`, `is the same setting as settings[${first}]`);
      });
    }
    const done = await this.#write(call, 'ImportConfig', violations, changes, given);
    const changed = done.filter((each) => each?.changed).length;
    return { changed, unchanged: done.length - changed };
  }

  /** @throws ServiceError ROLE_DENIED, SEALED_VALUE_UNREADABLE */
  async reveal(call: RevealingCall, key: SettingKey): Promise<Setting> {
    const userId = meantUser(call.access, key.userId);
    const { name } = key;
    const violations = new Violations();
    checkMayChange(call.principal, userId);
    checkSettingKey(violations, '', { name, userId });
    violations.check();
    checkReachesSettings(call.access, userId);
    const { era } = this.#parts.sealer;
    const setting = await this.#parts.repository.setting(call.workspaceId, { userId, name });
    if (setting === undefined) throw settingNotFound();
    const { workspaceId } = call;
    const details: JsonObject = userId === '' ? {} : { user_id: userId };
    await this.#parts.audit.record(actOf(call, { action: 'RevealSecret', workspaceId, target: name, details }));
    const [opened] = await this.#opened(workspaceId, [setting], era);
    return opened ?? setting;
  }

  /** Newest first. */
  async history(call: CallContext, key: SettingKey, limit: number): Promise<SettingRevision[]> {
    const userId = meantUser(call.access, key.userId);
    const { name } = key;
    const violations = new Violations();
    checkSettingKey(violations, '', { name, userId });
    violations.within('limit', limit, LIMITS.settingHistory);
    violations.check();
    checkReachesSettings(call.access, userId);
    const most = limit === 0 ? LIMITS.settingHistory.max : limit;
    const entries = await this.#parts.repository.history(call.workspaceId, { userId, name }, most);
    if (entries.length === 0) throw settingNotFound();
    return entries;
  }

  /** Reads what is in force anew: some setting has changed, here or elsewhere. */
  invalidate(): void {
    this.#effective.clear();
  }

  #user(call: CallContext, userId: string): string {
    const violations = new Violations();
    const user = meantUser(call.access, userId);
    checkSettingKey(violations, '', { userId: user, name: 'any' });
    violations.check();
    checkReachesSettings(call.access, user);
    return user;
  }

  async #write(
    call: RevealingCall,
    rpc: string,
    violations: Violations,
    changes: readonly SettingChange[],
    { note, validateOnly }: ChangeInput,
  ): Promise<readonly (SettingDone | undefined)[]> {
    checkText(violations, 'note', note, LIMITS.noteBytes);
    violations.check();
    const { repository, names, sealer } = this.#parts;
    const batch = rpc === 'ImportConfig';
    for (const { userId } of changes) checkReachesSettings(call.access, userId);
    const sealed = await sealSettings(sealer, names, call.workspaceId, changes, (index) =>
      batch ? `settings[${index}].value` : 'setting.value',
    );
    const ofWorkspace = batch || changes.some(({ userId }) => userId === '');
    const target = batch ? '' : (changes[0]?.name ?? '');
    const act = ofWorkspace ? actOf(call, { action: rpc, workspaceId: call.workspaceId, target }) : undefined;
    const outcome = await repository.write(call, { changes: sealed, note, validateOnly, act });
    if (!validateOnly) this.#effective.clear();
    if (outcome.kind === 'done') return outcome.settings;
    throw refused(outcome.refusal, outcome.currentChangeNo, batch ? `settings[${outcome.index}]` : 'setting');
  }

  async #opened(workspaceId: number, settings: readonly Setting[], era: number): Promise<Setting[]> {
    const { sealer, names } = this.#parts;
    const objects = settings.map((setting) => ({
      row: settingRow(workspaceId, setting),
      shown: { [setting.name]: setting.value },
      sealed: setting.sealed ?? {},
    }));
    const opened = await openInto(sealer, workspaceId, objects, era, (name) => names.has(name));
    return settings.map((setting, index) => ({ ...setting, value: opened[index]?.[setting.name] as JsonValue }));
  }
}

function refused(refusal: 'not_found' | 'etag_mismatch' | 'sealed_unknown', changeNo: number, path: string) {
  switch (refusal) {
    case 'not_found':
      return settingNotFound();
    case 'etag_mismatch':
      return new ServiceError('ETAG_MISMATCH', 'the setting was changed since: read it again, then decide', {
        metadata: { field: 'etag', current_etag: String(changeNo) },
      });
    case 'sealed_unknown':
      return new ServiceError('SEALED_VALUE_UNKNOWN', 'the value has a placeholder that this setting does not keep', {
        metadata: { field: `${path}.value` },
      });
  }
}
