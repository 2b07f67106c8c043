import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { EmbeddedPostgresError, systemCode } from './errors.ts';

/**
 * Makes the data directory, with the folders above it, unless it is there. One folder at a time: Node's own
 * recursive mkdir never returns below /proc, and calls a file that is in the way by the wrong name.
 *
 * @param path absolute
 * @throws EmbeddedPostgresError `no_folder`, or the system's error
 */
export function makeDataDir(path: string): void {
  const missing: string[] = [];
  for (let folder = path; ; folder = dirname(folder)) {
    const there = look(folder, path);
    if (there === 'folder') break;
    if (there === 'file') throw unusable(path, folder === path ? 'it is a file' : `${folder} is a file`);
    missing.push(folder);
    if (dirname(folder) === folder) break;
  }
  for (const folder of missing.reverse()) {
    try {
      mkdirSync(folder, { mode: 0o700 });
    } catch (error) {
      const code = systemCode(error);
      if (code === 'EEXIST') continue; // Another start was first.
      if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') throw error;
      throw unusable(path, `${folder} cannot be made (${code})`, error);
    }
  }
}

function look(folder: string, path: string): 'folder' | 'file' | undefined {
  try {
    const stats = statSync(folder, { throwIfNoEntry: false });
    return stats && (stats.isDirectory() ? 'folder' : 'file');
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOTDIR') return undefined; // Some folder above it is a file, which is found next.
    if (code === 'EACCES' || code === 'EPERM') throw error;
    throw unusable(path, `${folder} cannot be looked at (${code})`, error);
  }
}

/** What is wrong is not a matter of whose it is. */
export function unusable(path: string, why: string, cause?: unknown): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    'no_folder',
    `The data directory ${path} cannot be used: ${why}. Set MEMORYHUB_DATA_DIR to a folder, or to where one can be made.`,
    { cause },
  );
}
