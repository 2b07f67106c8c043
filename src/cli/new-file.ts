import { openSync } from 'node:fs';
import { CommandFailure } from './failure.ts';

/** Makes a file only its owner can read, for a secret. @throws CommandFailure when it is there already */
export function openNew(path: string): number {
  try {
    return openSync(path, 'wx', 0o600);
  } catch (error) {
    throw new CommandFailure(
      `cannot make the file ${path}: ${(error as NodeJS.ErrnoException).code === 'EEXIST' ? 'it is there already' : (error as Error).message}`,
    );
  }
}
