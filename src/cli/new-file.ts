import { openSync } from 'node:fs';
import { CommandFailure } from './failure.ts';

const REASONS: Readonly<Record<string, string>> = {
  EEXIST: 'it is there already',
  ENOENT: 'its folder is not there',
  ENOTDIR: 'what should be its folder is a file',
  EACCES: 'this user may not',
};

/** Makes a file only its owner can read, for a secret. @throws CommandFailure when it is there already */
export function openNew(path: string): number {
  try {
    return openSync(path, 'wx', 0o600);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new CommandFailure(`cannot make the file ${path}: ${REASONS[code ?? ''] ?? message}`);
  }
}
