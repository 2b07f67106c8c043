import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { type Binaries, findBinaries, usableBinaries } from './binaries.ts';
import { EmbeddedPostgresError, needingPermission } from './errors.ts';
import type { Layout } from './layout.ts';
import { makeDataDir } from './make-data-dir.ts';
import { type OsUser, postgresUser } from './os-user.ts';
import { dataMajor } from './postmaster.ts';

/** Everything a start needs that stays the same while it is tried again. */
export interface Prepared {
  readonly layout: Layout;
  readonly user: OsUser | undefined;
  readonly binaries: Binaries;
  readonly password: string;
}

/**
 * Makes the folders and the password, settles the user and the binaries.
 *
 * @throws EmbeddedPostgresError for everything that cannot be put right by trying again
 */
export function prepare(layout: Layout, onNotice: (text: string) => void): Prepared {
  const installed = findBinaries();
  return needingPermission(`The data directory ${layout.dataDir} cannot be used by this user`, () => {
    makeDataDir(layout.dataDir);
    refuseForeign(layout);
    const major = dataMajor(layout);
    if (major && major !== installed.major) throw otherMajor(layout, major, installed.major);
    refuseDamaged(layout, major);
    const user = postgresUser(major === undefined ? undefined : layout.data);
    if (major === undefined) makeFolder(layout, user);
    else if (user !== undefined) adoptFiles(layout, user, onNotice);
    const password = readFileSync(layout.passwordFile, 'utf8');
    return { layout, user, binaries: usableBinaries(installed, user, layout.folder, onNotice), password };
  });
}

/** Before there is a database: what an earlier attempt left is made anew, but for the password. */
function makeFolder(layout: Layout, user: OsUser | undefined): void {
  mkdirSync(layout.folder, { recursive: true, mode: 0o700 });
  rmSync(layout.unfinished, { recursive: true, force: true });
  mkdirSync(layout.unfinished, { mode: 0o700 });
  if (!existsSync(layout.passwordFile)) {
    writeFileSync(layout.passwordFile, randomBytes(32).toString('hex'), { mode: 0o600 });
  }
  if (user === undefined) return;
  for (const path of [layout.passwordFile, layout.unfinished, layout.folder]) chownSync(path, user.uid, user.gid);
}

/** A database that root copied back from somewhere belongs to root, whom PostgreSQL does not run as. */
function adoptFiles({ folder, data }: Layout, { uid, gid, name }: OsUser, onNotice: (text: string) => void): void {
  if (lstatSync(folder).uid !== 0) return;
  for (const entry of readdirSync(folder, { recursive: true, encoding: 'utf8' }))
    lchownSync(join(folder, entry), uid, gid);
  lchownSync(folder, uid, gid);
  for (const directory of [folder, data]) chmodSync(directory, 0o700);
  onNotice(`The files in ${folder} belonged to root; they were given to ${name}, whom PostgreSQL runs as.`);
}

function refuseForeign({ folder }: Layout): void {
  const us = process.getuid?.();
  const owner = statSync(folder, { throwIfNoEntry: false })?.uid;
  if (us === 0 || owner === undefined || owner === us) return;
  throw new EmbeddedPostgresError(
    'no_permission',
    `The database in ${folder} belongs to another user (uid ${owner}), as it does when a server was started as root. ` +
      `Start this one as root too, or give it the whole data directory: chown -R ${us} ${dirname(folder)}`,
  );
}

/** A copy that broke off, a folder that somebody tidied up: what is gone does not come back by a start. */
function refuseDamaged({ data, passwordFile }: Layout, major: number | undefined): void {
  const control = join(data, 'global', 'pg_control');
  const left = existsSync(data) ? readdirSync(data).length : 0;
  const [what] = [
    major === undefined && left > 0 && 'it has no file PG_VERSION',
    Number.isNaN(major) && 'its file PG_VERSION holds no version',
    major !== undefined && !existsSync(control) && `${control} is not there`,
    major !== undefined && !existsSync(passwordFile) && `${passwordFile} is not there`,
  ].filter((fault) => fault !== false);
  if (what === undefined) return;
  throw new EmbeddedPostgresError(
    'damaged',
    `The database in ${data} is damaged: ${what}. Bring the whole data directory back from a copy of it, or start ` +
      'with an empty one (MEMORYHUB_DATA_DIR).',
  );
}

function otherMajor(layout: Layout, theirs: number, ours: number): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    'other_major',
    `The database in ${layout.data} was made by PostgreSQL ${theirs}; this version of Memory Hub brings PostgreSQL ` +
      `${ours}, which cannot read it. Start the version of Memory Hub that made it and export each workspace ` +
      '(memory-hub export), then start this version with an empty data directory and import the files (memory-hub import).',
  );
}
