import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { KeyringError } from './key-encryption.ts';
import { rewriteKeyringFile } from './keyring-file.ts';
import type { KeyringKey } from './keyring-text.ts';

/** Where a keyring is kept. */
export interface KeyringSource {
  /** For messages. */
  readonly where: string;
  /** @throws KeyringError */
  read(): Promise<string>;
  /** Replaces it as a whole, one at a time; undefined where it is kept by somebody else. */
  readonly rewrite: ((change: (text: string) => string) => Promise<readonly KeyringKey[]>) | undefined;
}

const COMMAND_TIMEOUT_MS = 10_000;
const COMMAND_MAX_BYTES = 1024 * 1024;

/** @param own whether this server made the file and may put new keys into it */
export function fileSource(path: string, own: boolean): KeyringSource {
  return {
    where: path,
    read: () =>
      readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
        throw new KeyringError(`the keyring ${path} cannot be read (${error.code})`, { cause: error });
      }),
    rewrite: own ? (change) => rewriteKeyringFile(path, change) : undefined,
  };
}

export function textSource(text: string): KeyringSource {
  return { where: 'MEMORYHUB_SEALING_KEYS', read: async () => text, rewrite: undefined };
}

/** @param command for /bin/sh; prints the keyring within 10 s */
export function commandSource(command: string): KeyringSource {
  const where = 'what MEMORYHUB_SEALING_COMMAND prints';
  return {
    where,
    read: async () => {
      try {
        const options = { timeout: COMMAND_TIMEOUT_MS, maxBuffer: COMMAND_MAX_BYTES };
        return (await promisify(execFile)('/bin/sh', ['-c', command], options)).stdout;
      } catch (error) {
        // Neither the command nor what it printed: both may be secret.
        const { code, killed } = error as { code?: number | string; killed?: boolean };
        const how = killed ? `did not end within ${COMMAND_TIMEOUT_MS / 1000} s` : `failed (${code})`;
        throw new KeyringError(`the command for the keyring (MEMORYHUB_SEALING_COMMAND) ${how}`);
      }
    },
    rewrite: undefined,
  };
}
