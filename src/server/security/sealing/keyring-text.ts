import { KEY_BYTES } from './aead.ts';
import { KeyringError } from './key-encryption.ts';

export interface KeyringKey {
  readonly id: string;
  readonly bytes: Uint8Array;
}

const ENTRY = /^([A-Za-z0-9][A-Za-z0-9_.-]{0,63})[ \t:=]+([A-Za-z0-9+/_-]{43}=?)$/;

const HEAD = `# Keys that wrap the keys of sealed values: NAME, then 32 bytes in base64. The first wraps, all unwrap.
# Without them what is sealed is lost: keep a copy, away from the copies of the database.
`;

/**
 * Reads a keyring: "NAME KEY" a line or between commas, the key 32 bytes in base64; lines with # are
 * comments.
 *
 * @param where it was read from, for errors, which never repeat what is in it
 * @throws KeyringError
 */
export function parseKeyring(text: string, where: string): KeyringKey[] {
  const keys: KeyringKey[] = [];
  const lines = text.split('\n').filter((line) => !line.trim().startsWith('#'));
  for (const part of lines.join(',').split(',')) {
    const entry = part.trim();
    if (entry === '') continue;
    const [, id, base64] = ENTRY.exec(entry) ?? [];
    const bytes = Buffer.from(base64 ?? '', 'base64');
    if (id === undefined || bytes.length !== KEY_BYTES) {
      throw new KeyringError(
        `the keyring (${where}) has an entry ${keys.length + 1} that is not "NAME KEY" with ${KEY_BYTES} bytes in base64`,
      );
    }
    if (keys.some((key) => key.id === id)) throw new KeyringError(`the keyring (${where}) has two keys named ${id}`);
    keys.push({ id, bytes });
  }
  if (keys.length === 0) throw new KeyringError(`the keyring (${where}) has no key`);
  return keys;
}

export function formatKeyring(keys: readonly KeyringKey[]): string {
  return `${HEAD}${keys.map(({ id, bytes }) => `${id} ${Buffer.from(bytes).toString('base64')}\n`).join('')}`;
}
