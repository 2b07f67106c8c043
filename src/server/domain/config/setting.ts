import type { Act } from '../audit.ts';
import type { CallContext } from '../call-context.ts';
import type { JsonValue, Micros, Operation } from '../memory.ts';
import type { SealedChange, SealedValues } from '../sealing/sealed-values.ts';

/** Whose setting, and which. */
export interface SettingKey {
  /** Empty: the workspace's. */
  readonly userId: string;
  readonly name: string;
}

/** What a setting's sealed values are bound to. */
export function settingRowName({ userId, name }: SettingKey): string {
  return JSON.stringify([userId, name]);
}

/** A setting as it is kept. */
export interface Setting extends SettingKey {
  /** With placeholders in the place of what is sealed. */
  readonly value: JsonValue;
  readonly sealed: SealedValues | undefined;
  /** The etag. */
  readonly changeNo: number;
  readonly author: string;
  readonly updateTime: Micros;
}

export interface SettingRevision extends Omit<Setting, 'value'> {
  readonly operation: Operation;
  readonly note: string;
  /** undefined: it was deleted. */
  readonly value: JsonValue | undefined;
}

/** One wanted change. */
export interface SettingChange extends SettingKey {
  /** undefined deletes. */
  readonly value: JsonValue | undefined;
  readonly sealed: SealedChange | undefined;
  readonly expectedChangeNo: number | undefined;
}

export type SettingRefusal = 'not_found' | 'etag_mismatch' | 'sealed_unknown';

export type SettingOutcome =
  /** In the order of the changes; undefined: it was not there to be deleted. `changed` false: it had the value. */
  | { readonly kind: 'done'; readonly settings: readonly (SettingDone | undefined)[] }
  /** Nothing was written. */
  | {
      readonly kind: 'refused';
      readonly index: number;
      readonly refusal: SettingRefusal;
      readonly currentChangeNo: number;
    };

export interface SettingDone {
  readonly setting: Setting;
  readonly changed: boolean;
}

export interface SettingWrite {
  readonly changes: readonly SettingChange[];
  readonly note: string;
  readonly validateOnly: boolean;
  /** Written down with it; undefined: the history is account enough. */
  readonly act: Act | undefined;
}

/** Where settings are kept. Errors: ServiceError as MemoryRepository. */
export interface SettingRepository {
  /** Of a user, or with an empty one of the workspace; undefined: of everybody. By user and name. */
  settings(workspaceId: number, userId: string | undefined): Promise<Setting[]>;
  setting(workspaceId: number, key: SettingKey): Promise<Setting | undefined>;
  /** Newest first. */
  history(workspaceId: number, key: SettingKey, limit: number): Promise<SettingRevision[]>;
  /** All or none, with the generation that tells every process. */
  write(call: CallContext, write: SettingWrite): Promise<SettingOutcome>;
}
