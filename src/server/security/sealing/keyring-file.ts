import { type FileHandle, open, readFile, rename, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { KeyringError } from './key-encryption.ts';
import { newKey } from './keyring.ts';
import { formatKeyring, type KeyringKey, parseKeyring } from './keyring-text.ts';

/** A half-written file older than this was left behind by a process that died. */
const STALE_MS = 30_000;

/** Makes a keyring of one key, unless the file is there. @returns whether it was made */
export async function createKeyringFile(path: string): Promise<boolean> {
  let file: FileHandle;
  try {
    file = await open(path, 'wx', 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw new KeyringError(`the keyring ${path} cannot be made (${(error as NodeJS.ErrnoException).code})`);
  }
  await writeDurably(file, formatKeyring([newKey()]));
  await syncDirectory(path);
  return true;
}

/**
 * Replaces the file by a changed one. The new one is on disk before it takes the old one's place, and
 * its exclusive creation keeps two from changing it at once: a lost key is lost for good.
 */
export async function rewriteKeyringFile(
  path: string,
  change: (text: string) => string,
): Promise<readonly KeyringKey[]> {
  const part = `${path}.new`;
  const age = await stat(part).then(
    ({ mtimeMs }) => Date.now() - mtimeMs,
    () => 0,
  );
  if (age > STALE_MS) await unlink(part);
  let file: FileHandle;
  try {
    file = await open(part, 'wx', 0o600);
  } catch (error) {
    const busy = (error as NodeJS.ErrnoException).code === 'EEXIST';
    throw new KeyringError(busy ? `${part} is being written: try again` : `${part} cannot be made`, { cause: error });
  }
  try {
    const text = change(await readFile(path, 'utf8'));
    await writeDurably(file, text);
    await rename(part, path);
    await syncDirectory(path);
    return parseKeyring(text, path);
  } catch (error) {
    await unlink(part).catch(() => {});
    throw error;
  }
}

async function writeDurably(file: FileHandle, text: string): Promise<void> {
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(dirname(path), 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
