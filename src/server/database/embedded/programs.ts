import { realpathSync } from 'node:fs';
import { basename, join } from 'node:path';
import { EmbeddedPostgresError } from './errors.ts';
import type { Program } from './launch.ts';
import { canUse } from './os-user.ts';
import type { Prepared } from './prepare.ts';
import { initdbArguments, postgresArguments } from './settings.ts';

/** How to call initdb. It works in the unfinished directory and reads the password beside it. */
export function initdbProgram(prepared: Prepared): Program {
  const directory = nameOf(prepared, prepared.layout.unfinished);
  return program(prepared, 'initdb', prepared.layout.unfinished, [
    ...['-D', directory, `--pwfile=${directory}/../${basename(prepared.layout.passwordFile)}`],
    ...initdbArguments(),
  ]);
}

/** How to call postgres. */
export function postgresProgram(prepared: Prepared, port: number, maxConnections: number): Program {
  const { folder, data } = prepared.layout;
  const real = join(realpathSync(folder), basename(data));
  const settings = postgresArguments(real, port, maxConnections);
  return program(prepared, 'postgres', data, ['-D', nameOf(prepared, data), ...settings]);
}

/**
 * What PostgreSQL is to call its directory. Under a folder that its user may not enter (root's home) no path
 * leads there, but the working directory that the launcher, as root, has put it in does: Linux follows
 * /proc/self/cwd without walking the folders above. So the data stay where they were asked for, and nobody
 * else's permissions are touched.
 */
function nameOf({ user, layout }: Prepared, directory: string): string {
  if (user === undefined || canUse(user, layout.dataDir)) return directory;
  if (process.platform === 'linux') return '/proc/self/cwd';
  throw new EmbeddedPostgresError(
    'no_permission',
    `PostgreSQL does not run as root but as ${user.name}, who cannot enter ${layout.dataDir}. Set MEMORYHUB_DATA_DIR to ` +
      'a folder whose parents everybody may enter, or start Memory Hub as an ordinary user.',
  );
}

function program({ user, binaries }: Prepared, name: string, cwd: string, args: string[]): Program {
  return {
    file: join(binaries.native, 'bin', name),
    args,
    cwd,
    // Nothing of ours: PGPORT, PGDATA, TZ and LANG would change what PostgreSQL does.
    env: { PATH: process.env.PATH ?? '/usr/bin:/bin', LC_ALL: 'C' },
    user: user === undefined ? {} : { uid: user.uid, gid: user.gid },
  };
}
