import { LIMITS } from '../../../shared/limits.ts';
import type { SensitiveNames } from '../../../shared/sensitive-names.ts';
import type { JsonObject, JsonValue } from '../memory.ts';
import { conceal, versionIn } from '../sealing/placeholders.ts';
import type { SealedRow } from '../sealing/sealed-values.ts';
import type { Sealer, SealInput } from '../sealing/sealer.ts';
import { readMetadata } from '../validation/metadata.ts';
import { checkIdentifier, checkLine } from '../validation/text.ts';
import { Violations } from '../validation/violations.ts';
import { valueFault } from './known-settings.ts';
import { type SettingChange, type SettingKey, settingRowName } from './setting.ts';

/** A setting as it is asked for, not checked yet. */
export interface SettingInput extends SettingKey {
  readonly value: unknown;
}

const NAME = /^[A-Za-z][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*$/;

/** @param path of the fields: "" or "setting." */
export function checkSettingKey(violations: Violations, path: string, { userId, name }: SettingKey): void {
  checkIdentifier(violations, `${path}user_id`, userId);
  checkLine(violations, `${path}name`, name, LIMITS.settingNameBytes);
  if (name !== '' && !NAME.test(name)) {
    violations.add(`${path}name`, 'is not words of letters, digits, "_" and "-" between dots');
  }
}

/** What a setting to be set means; complete only once the violations were checked. */
export function readSetting(violations: Violations, path: string, input: SettingInput): SettingChange {
  const { userId, name } = input;
  checkSettingKey(violations, `${path}.`, input);
  const field = `${path}.value`;
  let value: JsonValue | undefined;
  if (input.value === undefined) violations.add(field, 'is absent; DeleteConfig removes a setting');
  else {
    // As a field of an object, as which it is sealed too.
    value = readMetadata(violations, field, { [name]: input.value }, LIMITS.settingBytes)?.metadata[name];
    const fault = value === undefined || versionIn(value) !== undefined ? undefined : valueFault(name, value);
    if (fault !== undefined) violations.add(field, fault);
  }
  return { userId, name, value, sealed: undefined, expectedChangeNo: undefined };
}

/** The place of a setting's sealed values. */
export function settingRow(workspaceId: number, key: SettingKey): SealedRow {
  return { workspaceId, kind: 'setting', row: settingRowName(key) };
}

/** Changes with everything sensitive in their values sealed. @throws ServiceError as Sealer, INVALID_FIELD */
export async function sealSettings(
  sealer: Sealer,
  names: SensitiveNames,
  workspaceId: number,
  changes: readonly SettingChange[],
  path: (index: number) => string,
): Promise<SettingChange[]> {
  const violations = new Violations();
  const inputs: SealInput[] = [];
  const fill: Record<string, string | null>[] = [];
  const concealed = changes.map((change, index) => {
    const object: JsonObject | undefined = change.value === undefined ? undefined : { [change.name]: change.value };
    if (object === undefined || !names.within(object)) return change;
    const { shown, fresh, kept } = conceal(names, object);
    if (fresh.length + kept.length === 0) return change;
    violations.within(path(index), fresh.length + kept.length, LIMITS.sealedValues);
    const sealed: Record<string, string | null> = Object.fromEntries(kept.map((key) => [key, null]));
    for (const { key, text } of fresh) {
      inputs.push({ row: settingRow(workspaceId, change), key, text });
      fill.push(sealed);
    }
    return { ...change, value: shown[change.name], sealed };
  });
  violations.check();
  const ciphertexts = await sealer.seal(workspaceId, inputs);
  inputs.forEach(({ key }, index) => {
    (fill[index] as Record<string, string | null>)[key] = ciphertexts[index] as string;
  });
  return concealed;
}
