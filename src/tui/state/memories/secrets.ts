/** Instead of a value that is never drawn. */
export const MASK = '******';

const SECRET =
  /(pass(word|wd|phrase)?|secret|token|credentials?|api[-_. ]?key|private[-_. ]?key|authorization|cookie)$/i;

/**
 * Whether a value under this name is likely a secret. The server seals such values itself and is never
 * asked to open them: this is for those that were kept before it did.
 */
export function isSecretName(name: string): boolean {
  return SECRET.test(name);
}

/** A value of metadata without the secrets in it, however deep. */
export function withoutSecrets(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutSecrets);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, isSecretName(name) ? MASK : withoutSecrets(inner)]),
  );
}
