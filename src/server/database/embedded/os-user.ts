import { execFileSync } from 'node:child_process';
import { accessSync, constants, realpathSync, type Stats, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** The operating system's user that initdb and postgres run as. */
export interface OsUser {
  readonly uid: number;
  readonly gid: number;
  readonly name: string;
}

/**
 * PostgreSQL refuses to run as root. Root therefore runs it as whoever owns the data already, else as
 * `postgres` if there is such a user, else as `nobody`; everybody else runs it as themselves.
 *
 * @param existing the folder of an existing database
 * @returns undefined for "as this process is"
 */
export function postgresUser(existing: string | undefined): OsUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  if (existing !== undefined) {
    const { uid, gid } = statSync(existing);
    if (uid !== 0) return { uid, gid, name: `the user ${uid}` };
  }
  return lookUp('postgres') ?? lookUp('nobody') ?? { uid: 65_534, gid: 65_534, name: 'nobody' };
}

function lookUp(name: string): OsUser | undefined {
  const id = (flag: string) =>
    Number(execFileSync('id', [flag, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
  try {
    return { uid: id('-u'), gid: id('-g'), name };
  } catch {
    return undefined;
  }
}

/** Whether the user may enter the folders above `path` and read, and if it has to, run it. By mode bits alone. */
export function canUse(user: OsUser | undefined, path: string, run = false): boolean {
  if (user === undefined) return allowed(path, run);
  try {
    const real = realpathSync(path);
    const wanted = run || statSync(real).isDirectory() ? 0o5 : 0o4;
    if (!permits(user, statSync(real), wanted)) return false;
    for (let folder = dirname(real); ; folder = dirname(folder)) {
      if (!permits(user, statSync(folder), 0o1)) return false;
      if (folder === dirname(folder)) return true;
    }
  } catch {
    return false;
  }
}

function allowed(path: string, run: boolean): boolean {
  try {
    accessSync(path, run ? constants.R_OK | constants.X_OK : constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

function permits(user: OsUser, stats: Stats, wanted: number): boolean {
  const shift = stats.uid === user.uid ? 6 : stats.gid === user.gid ? 3 : 0;
  return ((stats.mode >> shift) & wanted) === wanted;
}
