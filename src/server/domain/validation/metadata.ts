import { LIMITS } from '../../../shared/limits.ts';
import type { JsonObject } from '../memory.ts';
import type { Violations } from './violations.ts';

/** Metadata that were checked. */
export interface CheckedMetadata {
  readonly metadata: JsonObject;
  /** The same as text. */
  readonly json: string;
}

/**
 * Checks that metadata is JSON as PostgreSQL's jsonb holds it, and within its limits. Its names are
 * the caller's text, so that refusals name the whole field only.
 */
export function readMetadata(
  violations: Violations,
  field: string,
  metadata: { [name: string]: unknown } | undefined,
  limit: (typeof LIMITS)['metadataBytes' | 'settingBytes'] = LIMITS.metadataBytes,
): CheckedMetadata | undefined {
  if (metadata === undefined) return undefined;
  const check = new MetadataCheck();
  const fault = check.findNestedFault(metadata, 1);
  if (fault !== undefined) {
    violations.add(field, fault);
    return undefined;
  }
  const json = JSON.stringify(metadata);
  violations.within(field, Buffer.byteLength(json), limit);
  // As it will be read again: JSON has no -0.
  return { metadata: (check.hasMinusZero ? JSON.parse(json) : metadata) as JsonObject, json };
}

class MetadataCheck {
  hasMinusZero = false;

  findNestedFault(value: object, depth: number): string | undefined {
    const { max, unit } = LIMITS.metadataDepth;
    if (depth > max) return `is more than ${max} ${unit} deep; at most ${max} are allowed`;
    if (Array.isArray(value)) {
      for (const item of value) {
        const fault = this.#findFault(item, depth + 1);
        if (fault !== undefined) return fault;
      }
      return undefined;
    }
    for (const name of Object.keys(value)) {
      const item = (value as Readonly<Record<string, unknown>>)[name];
      const fault = findTextFault(name) ?? this.#findFault(item, depth + 1);
      if (fault !== undefined) return fault;
    }
    return undefined;
  }

  #findFault(value: unknown, depth: number): string | undefined {
    switch (typeof value) {
      case 'number':
        if (Object.is(value, -0)) this.hasMinusZero = true;
        return Number.isFinite(value) ? undefined : 'has a number that is NaN or infinite';
      case 'string':
        return findTextFault(value);
      case 'boolean':
        return undefined;
      case 'object':
        return value === null ? undefined : this.findNestedFault(value, depth);
      default:
        return 'has a value without a kind';
    }
  }
}

function findTextFault(text: string): string | undefined {
  if (text.includes('\0')) return 'has a NUL (U+0000) in a text or a name';
  return text.isWellFormed() ? undefined : 'has half of a surrogate pair in a text or a name';
}
