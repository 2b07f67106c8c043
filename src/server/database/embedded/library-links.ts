import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import { basename, join } from 'node:path';

/**
 * npm packs no symbolic links, so the package makes those between its libraries when it is installed, unless
 * that was done with `--ignore-scripts`. Makes the ones that are missing.
 *
 * @param native the folder with bin/, lib/ and share/
 * @returns whether all are there now
 */
export function linkLibraries(native: string): boolean {
  const file = join(native, 'pg-symlinks.json');
  if (!existsSync(file)) return true;
  const links = JSON.parse(readFileSync(file, 'utf8')) as { source: string; target: string }[];
  return links.every(({ source, target }) => {
    // Both are written as native/lib/name, and lie in the same folder.
    const link = join(native, target.replace(/^native\//, ''));
    if (existsSync(link)) return true;
    try {
      symlinkSync(basename(source), link);
    } catch {
      // Not ours to write in, or another process was first.
    }
    return existsSync(link);
  });
}
