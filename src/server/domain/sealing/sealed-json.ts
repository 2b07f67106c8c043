import type { SensitiveNames } from '../../../shared/sensitive-names.ts';
import { canonical } from '../canonical.ts';
import { ServiceError } from '../errors.ts';
import type { JsonObject, JsonValue } from '../memory.ts';
import { placeholdersIn, replaceSensitive, revealIn, versionIn } from './placeholders.ts';
import type { SealedRow, SealedValues } from './sealed-values.ts';
import type { Sealer, SealInput } from './sealer.ts';

/** An object with placeholders and the ciphertexts they stand for. */
export interface SealedObject {
  readonly row: SealedRow;
  readonly shown: JsonObject;
  readonly sealed: SealedValues;
}

/**
 * The objects with their secrets in clear, all or none. What looks like a placeholder under an ordinary
 * name, with nothing kept for it, is the caller's own text and stays.
 *
 * @param isSensitive under such a name something must be kept: its ciphertext was taken away
 * @throws ServiceError SEALED_VALUE_UNREADABLE, SEALING_KEY_MISSING
 */
export async function openInto(
  sealer: Sealer,
  workspaceId: number,
  objects: readonly SealedObject[],
  era: number | undefined,
  isSensitive: (name: string) => boolean,
): Promise<JsonObject[]> {
  const inputs: SealInput[] = [];
  for (const { row, shown, sealed } of objects) {
    for (const key of placeholdersIn(shown)) {
      const text = Object.hasOwn(sealed, key) ? sealed[key] : undefined;
      if (text !== undefined) inputs.push({ row, key, text });
      else if (isSensitive(key.slice(key.indexOf(' ') + 1))) throw unreadable();
    }
  }
  const texts = await sealer.open(workspaceId, inputs, era);
  const values = new Map<SealedRow, Map<string, JsonValue>>();
  inputs.forEach(({ row, key }, index) => {
    const ofRow = values.get(row) ?? new Map<string, JsonValue>();
    values.set(row, ofRow.set(key, JSON.parse(texts[index] as string)));
  });
  return objects.map(({ row, shown }) => revealIn(shown, values.get(row) ?? new Map()));
}

export function unreadable(cause?: unknown): ServiceError {
  return new ServiceError('SEALED_VALUE_UNREADABLE', 'a sealed value does not open: it was damaged, or moved', {
    cause,
  });
}

/**
 * A request with keyed digests in the place of its secrets, so that its hash is no oracle to guess them
 * with. Placeholders stay as they are.
 */
export async function digestSensitive(
  sealer: Sealer,
  names: SensitiveNames,
  workspaceId: number,
  request: object,
): Promise<object> {
  const texts: string[] = [];
  const collect = (_name: string, value: JsonValue): JsonValue => {
    if (versionIn(value) !== undefined) return value;
    texts.push(canonical(value));
    return value;
  };
  mapMetadata(names, request, collect);
  const digests = await sealer.digest(workspaceId, texts);
  let next = 0;
  return mapMetadata(names, request, (_name, value) =>
    versionIn(value) === undefined ? { digest: digests[next++] as string } : value,
  );
}

/** A copy of a save, update or batch with what is sensitive in the metadata of its memories replaced. */
function mapMetadata(
  names: SensitiveNames,
  request: object,
  replace: (name: string, value: JsonValue) => JsonValue,
): object {
  const map = (memory: { metadata?: unknown } | undefined) =>
    memory?.metadata === undefined
      ? memory
      : { ...memory, metadata: replaceSensitive(names, memory.metadata as JsonObject, replace) };
  const copy: { memory?: object; memories?: object[] } = { ...request };
  if (copy.memory !== undefined) copy.memory = map(copy.memory) as object;
  if (copy.memories !== undefined) copy.memories = copy.memories.map((memory) => map(memory) as object);
  return copy;
}
