import type { Memory } from '../../../shared/gen/memoryhub/v1/memory.ts';
import { memoryToJson } from '../../../shared/memory-json.ts';
import { isHiddenName } from '../../../shared/sensitive-names.ts';
import { withoutSecrets } from './secrets.ts';

/** A field of a memory that two revisions have with other values. */
export interface FieldChange {
  readonly name: string;
  /** undefined: it was not there. */
  readonly before: string | undefined;
  readonly after: string | undefined;
  /** Whether its values are likely secrets, which are never drawn. */
  readonly isSecret: boolean;
}

/** Every revision has others. */
const ALWAYS_OTHER = new Set(['revision', 'etag', 'author', 'update_time']);

/** What changed from one state of a memory to another; metadata value by value. */
export function memoryChanges(before: Memory | undefined, after: Memory | undefined): readonly FieldChange[] {
  const a = fieldsOf(before);
  const b = fieldsOf(after);
  const names = [...new Set([...a.keys(), ...b.keys()])];
  return names
    .filter((name) => a.get(name) !== b.get(name))
    .map((name) => ({
      name,
      before: a.get(name),
      after: b.get(name),
      isSecret: name.startsWith('metadata.') && isHiddenName(name),
    }));
}

function fieldsOf(memory: Memory | undefined): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  if (memory === undefined) return fields;
  for (const [name, value] of Object.entries(memoryToJson(memory))) {
    if (ALWAYS_OTHER.has(name)) continue;
    if (name === 'metadata') {
      for (const [key, entry] of Object.entries(value as object))
        fields.set(`metadata.${key}`, JSON.stringify(isHiddenName(key) ? entry : withoutSecrets(entry)));
    } else {
      fields.set(name, Array.isArray(value) ? value.join(', ') : String(value));
    }
  }
  return fields;
}
