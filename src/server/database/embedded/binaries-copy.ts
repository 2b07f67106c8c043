import {
  chmodSync,
  constants,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Binaries } from './binaries.ts';
import { EmbeddedPostgresError } from './errors.ts';
import { linkLibraries } from './library-links.ts';
import { canUse, type OsUser } from './os-user.ts';

/**
 * A copy of the binaries (some 55 MB) that `user` can run: in `own` when that is this process' user, else in
 * a cache directory of the system that everybody can read and only root can write.
 */
export function copyOfBinaries(
  binaries: Binaries,
  user: OsUser | undefined,
  own: string,
  onNotice: (text: string) => void,
): string {
  const folders = user === undefined ? [own] : ['/var/cache/memory-hub', join(tmpdir(), 'memory-hub-cache')];
  for (const folder of folders) {
    if (!prepare(folder) || !canUse(user, folder)) continue;
    const copy = join(folder, `postgres-${binaries.version}-${process.platform}-${process.arch}`);
    if (isComplete(copy)) return copy;
    const unfinished = `${copy}.${process.pid}`;
    rmSync(unfinished, { recursive: true, force: true });
    copyTree(binaries.native, unfinished);
    linkLibraries(unfinished);
    try {
      renameSync(unfinished, copy);
    } catch {
      // Another process was first; its copy is as good.
      rmSync(unfinished, { recursive: true, force: true });
    }
    if (!isComplete(copy)) continue;
    onNotice(`The programs of PostgreSQL were copied to ${copy}, where ${user?.name ?? 'this user'} can run them.`);
    return copy;
  }
  throw new EmbeddedPostgresError(
    'no_permission',
    `PostgreSQL has to run as ${user?.name ?? 'this user'}, who cannot run the programs in ${binaries.native}, and no ` +
      `copy could be made in ${folders.join(' or ')}. Install Memory Hub where ${user?.name ?? 'this user'} can read it.`,
  );
}

/** Makes the folder; nobody else may be able to put programs there that we would run. */
function prepare(folder: string): boolean {
  try {
    if (mkdirSync(folder, { recursive: true }) !== undefined) chmodSync(folder, 0o755);
    const stats = lstatSync(folder);
    return stats.isDirectory() && stats.uid === process.getuid?.() && (stats.mode & 0o022) === 0;
  } catch {
    return false;
  }
}

/** Readable for everybody whatever the installation's mode bits are; without what is there to compile against. */
function copyTree(from: string, to: string): void {
  mkdirSync(to);
  chmodSync(to, 0o755);
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) copyTree(source, target);
    if (!entry.isFile() || entry.name.endsWith('.a')) continue;
    copyFileSync(source, target, constants.COPYFILE_FICLONE);
    chmodSync(target, 0o755);
  }
}

/** A copy gets its name when it is complete. */
function isComplete(copy: string): boolean {
  return existsSync(join(copy, 'bin', 'postgres'));
}
