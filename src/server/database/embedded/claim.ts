import { randomUUID } from 'node:crypto';
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { EmbeddedPostgresError, needingPermission, systemCode } from './errors.ts';
import { layoutOf } from './layout.ts';
import { makeDataDir, unusable } from './make-data-dir.ts';
import { isAlive, processStart } from './processes.ts';

/** Content of `server.json`: the server process that a data directory belongs to. */
export interface ServerRecord {
  readonly pid: number;
  /** With the pid, names the process for good; see processStart. */
  readonly start: string;
  /** Names this very record. */
  readonly id: string;
  /** `host:port` of its gRPC endpoint. */
  readonly address: string;
  /** It is called with TLS. */
  readonly tls?: boolean;
  readonly version?: string;
  /** RFC 3339. */
  readonly since: string;
}

/** The right of this process to serve a data directory. */
export interface DataDirClaim {
  /** Writes down where the server is to be found, once it listens. */
  setAddress(address: string): void;
  /** Lets others have it. A process that ends without has released it as well. */
  release(): void;
}

/**
 * Claims the data directory for this process; makes it when it is not there. The claim of a process that is
 * dead is taken over.
 *
 * @throws EmbeddedPostgresError `in_use` when a living server has it, `no_permission`, `no_folder`
 */
export function claimDataDir(
  dataDir: string,
  { address, tls, version }: Pick<ServerRecord, 'address' | 'tls' | 'version'>,
): DataDirClaim {
  const { serverFile, dataDir: root } = layoutOf(dataDir);
  const first: ServerRecord = { ...newRecord(address, version), ...(tls && { tls }) };
  needingPermission(`The data directory ${root} cannot be written by this user`, () => {
    makeDataDir(root);
    take(serverFile, first, (holder) => {
      throw new EmbeddedPostgresError(
        'in_use',
        `The data directory ${root} is in use by the server with pid ${holder.pid} at ${holder.address}. ` +
          'End that one (memory-hub stop), or set MEMORYHUB_DATA_DIR to another folder.',
      );
    });
  });
  const isMine = () => read(serverFile)?.id === first.id;
  return {
    setAddress: (now) => {
      if (isMine()) replace(serverFile, { ...first, address: now });
    },
    release: () => {
      if (isMine()) rmSync(serverFile, { force: true });
    },
  };
}

/** The living server that has the data directory. @throws EmbeddedPostgresError `no_permission` */
export function findServer(dataDir: string): ServerRecord | undefined {
  const { serverFile } = layoutOf(dataDir);
  const record = needingPermission(`${serverFile} cannot be read by this user`, () => read(serverFile));
  return record !== undefined && isHeld(record) ? record : undefined;
}

/**
 * Makes `file` with the record in it, if there is none: by a hard link, which like O_EXCL only one process
 * can make, and which brings the content with it. To replace the record of a dead process, one first takes,
 * in the same way, a file named after that very record. So nobody can mistake a successor's record, put there
 * a moment ago, for the one they saw: there is no moment at which two processes hold `file`.
 */
function take(file: string, mine: ServerRecord, refuse: (holder: ServerRecord) => never): void {
  const prepared = write(file, mine);
  try {
    while (!linked(prepared, file)) {
      const holder = read(file);
      if (holder === undefined) continue;
      if (isHeld(holder)) refuse(holder);
      const right = `${file}.${holder.id}`;
      take(right, mine, refuse);
      try {
        if (read(file)?.id !== holder.id) continue;
        renameSync(prepared, file);
        return;
      } finally {
        rmSync(right, { force: true });
      }
    }
  } finally {
    rmSync(prepared, { force: true });
  }
}

function linked(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw error;
  }
}

function replace(file: string, record: ServerRecord): void {
  renameSync(write(file, record), file);
}

/** @returns the name of a complete file that is to become `file` */
function write(file: string, record: ServerRecord): string {
  const name = `${file}.${randomUUID()}.new`;
  try {
    writeFileSync(name, `${JSON.stringify(record)}\n`, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    const code = systemCode(error);
    if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') throw error;
    throw unusable(dirname(file), `no file can be made in it (${code})`, error);
  }
  return name;
}

function newRecord(address: string, version: string | undefined): ServerRecord {
  return {
    pid: process.pid,
    start: processStart(process.pid) ?? '',
    id: randomUUID(),
    address,
    ...(version !== undefined && { version }),
    since: new Date().toISOString(),
  };
}

/** @returns undefined when there is no file; for one that makes no sense, the record of nobody */
function read(file: string): ServerRecord | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  const nobody: ServerRecord = { pid: 0, start: '', id: 'unreadable', address: '', since: '' };
  try {
    const record = JSON.parse(text) as ServerRecord;
    return typeof record.pid === 'number' && /^[\w-]+$/.test(record.id) ? record : nobody;
  } catch {
    return nobody;
  }
}

function isHeld({ pid, start }: ServerRecord): boolean {
  if (pid <= 0 || !isAlive(pid)) return false;
  // Where the system hides other users' processes, a living pid is all there is to know.
  return (processStart(pid) ?? start) === start;
}
