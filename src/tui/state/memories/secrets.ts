import { isHiddenName } from '../../../shared/sensitive-names.ts';

/**
 * Instead of a value that is never drawn. The server seals such values itself and is never asked to
 * open them: this is for those that were kept before it did.
 */
export const MASK = '******';

/** A value of metadata without the secrets in it, however deep. */
export function withoutSecrets(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutSecrets);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, isHiddenName(name) ? MASK : withoutSecrets(inner)]),
  );
}
