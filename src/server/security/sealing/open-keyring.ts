import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type DataKeyStore, dataKeyContext } from '../../domain/sealing/data-key-store.ts';
import { KeyMissingError, KeyringError } from './key-encryption.ts';
import { Keyring } from './keyring.ts';
import { createKeyringFile } from './keyring-file.ts';
import { commandSource, fileSource, type KeyringSource, textSource } from './keyring-source.ts';

/** The file of the data directory that a first start makes. */
export const KEYRING_FILE = 'sealing.keys';

/** The settings that say where the keyring is; at most one of the first three is set. */
export interface KeyringSettings {
  readonly sealing_keyring: string | undefined;
  readonly sealing_keys: string | undefined;
  readonly sealing_command: string | undefined;
  readonly data_dir: string;
  /** Unset: the database is this server's own. */
  readonly database_url: string | undefined;
}

/** Where the settings say the keyring is. */
export function keyringSource(settings: KeyringSettings): KeyringSource {
  if (settings.sealing_keys !== undefined) return textSource(settings.sealing_keys);
  if (settings.sealing_command !== undefined) return commandSource(settings.sealing_command);
  if (settings.sealing_keyring !== undefined) return fileSource(settings.sealing_keyring, false);
  // Servers that share a database have each a copy: none may put a key into its own alone.
  return fileSource(join(settings.data_dir, KEYRING_FILE), settings.database_url === undefined);
}

/** @throws KeyringError */
export function openKeyring(settings: KeyringSettings): Promise<Keyring> {
  return Keyring.open(keyringSource(settings));
}

/**
 * Makes a keyring when none is named, none is there and nothing is sealed yet; then tries it on what the
 * database has. So a server without the right keys ends here, and never on a caller's secret.
 *
 * @returns notices for the log
 * @throws KeyringError saying what is missing and what to do
 */
export async function prepareKeyring(settings: KeyringSettings, store: DataKeyStore): Promise<string[]> {
  const notices: string[] = [];
  const stored = await store.all();
  const path = join(settings.data_dir, KEYRING_FILE);
  const { where } = keyringSource(settings);
  if (where === path && stored.length === 0 && (await createKeyringFile(path))) {
    const others = settings.database_url === undefined ? '' : ', and give it to the other servers of this database';
    notices.push(`wrote ${path}: keep a copy, for without it what is sealed is lost${others}`);
  }
  const openToOthers = await stat(where).then(
    ({ mode }) => (mode & 0o077) !== 0,
    () => false,
  );
  if (openToOthers) notices.push(`${where} can be read by others than its owner: chmod 600 it`);
  try {
    const keyring = await openKeyring(settings);
    // One of each key will do: a wrong key unwraps none of them.
    const oneOfEach = new Map(stored.map((key) => [key.kekId, key]));
    for (const key of oneOfEach.values()) await keyring.unwrap(key, dataKeyContext(key));
  } catch (error) {
    if (!(error instanceof KeyMissingError) && !(error instanceof KeyringError)) throw error;
    if (stored.length === 0) throw error;
    throw new KeyringError(
      `${error.message}. The database has secrets sealed with it: give this server the keyring the others have ` +
        '(MEMORYHUB_SEALING_KEYRING, MEMORYHUB_SEALING_KEYS or MEMORYHUB_SEALING_COMMAND), or the copy you kept.',
      { cause: error },
    );
  }
  return notices;
}
