import { randomBytes } from 'node:crypto';
import type { SensitiveNames } from '../../../shared/sensitive-names.ts';
import { setOwn } from '../../../shared/struct.ts';
import type { JsonObject, JsonValue } from '../memory.ts';
import { sealedKey } from './sealed-values.ts';

/** 72 random bits make a version: 12 characters of base64url. */
const VERSION_BYTES = 9;
const PLACEHOLDER = /^\[sealed:([A-Za-z0-9_-]{12})\]$/;

/** A value to be sealed. */
export interface Concealed {
  readonly key: string;
  /** JSON. */
  readonly text: string;
}

/** An object with placeholders, and what they stand for. */
export interface Concealment {
  readonly shown: JsonObject;
  readonly fresh: readonly Concealed[];
  /** Placeholders that came back: what they stand for is kept already. */
  readonly kept: readonly string[];
}

export function newVersion(): string {
  return randomBytes(VERSION_BYTES).toString('base64url');
}

/** What stands in the place of a sealed value wherever it is shown. */
export function placeholderOf(version: string): string {
  return `[sealed:${version}]`;
}

/** The version in a placeholder; undefined for anything else. */
export function versionIn(value: unknown): string | undefined {
  return typeof value === 'string' ? PLACEHOLDER.exec(value)?.[1] : undefined;
}

/**
 * Puts placeholders in the place of what stands under sensitive names, whole objects and arrays too. A
 * null hides nothing and stays. The input is not changed.
 */
export function conceal(names: SensitiveNames, object: JsonObject): Concealment {
  const fresh: Concealed[] = [];
  const kept: string[] = [];
  const shown = replaceSensitive(names, object, (name, value) => {
    const back = versionIn(value);
    const version = back ?? newVersion();
    const key = sealedKey(version, name);
    if (back === undefined) fresh.push({ key, text: JSON.stringify(value) });
    else if (!kept.includes(key)) kept.push(key);
    return placeholderOf(version);
  });
  return { shown, fresh, kept };
}

/** A copy with each value under a sensitive name, but null, replaced. */
export function replaceSensitive(
  names: SensitiveNames,
  object: JsonObject,
  replace: (name: string, value: JsonValue) => JsonValue,
): JsonObject {
  return mapNamed(object, (name, value) => (value !== null && names.has(name) ? replace(name, value) : undefined));
}

/**
 * Puts the values back.
 *
 * @param values by sealedKey
 */
export function revealIn(object: JsonObject, values: ReadonlyMap<string, JsonValue>): JsonObject {
  return mapNamed(object, (name, value) => {
    const version = versionIn(value);
    return version === undefined ? undefined : values.get(sealedKey(version, name));
  });
}

/** The keys of the placeholders in it, whatever their names. */
export function placeholdersIn(object: JsonObject): string[] {
  const keys: string[] = [];
  mapNamed(object, (name, value) => {
    const version = versionIn(value);
    if (version !== undefined) keys.push(sealedKey(version, name));
    return undefined;
  });
  return keys;
}

/** A copy in which `map` may replace what stands under a name; undefined goes on into it. */
function mapNamed(object: JsonObject, map: (name: string, value: JsonValue) => JsonValue | undefined): JsonObject {
  const copy: JsonObject = {};
  for (const name of Object.keys(object)) {
    const value = object[name] as JsonValue;
    setOwn(copy, name, map(name, value) ?? mapValue(value, map));
  }
  return copy;
}

function mapValue(value: JsonValue, map: (name: string, value: JsonValue) => JsonValue | undefined): JsonValue {
  if (typeof value !== 'object' || value === null) return value;
  return Array.isArray(value) ? value.map((item) => mapValue(item, map)) : mapNamed(value, map);
}
