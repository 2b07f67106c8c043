import { join, resolve } from 'node:path';

/**
 * Where everything is within the data directory, which belongs to the user that runs the server:
 *
 *     server.json         who serves this directory (claim.ts)
 *     postgres.log        what initdb and PostgreSQL said; postgres.log.1 is the older part
 *     postgres/           belongs to the user PostgreSQL runs as, mode 0700
 *       password          of the database's superuser, mode 0600
 *       initdb/           a database being made; renamed to data when it is complete
 *       data/             the database
 */
export interface Layout {
  readonly dataDir: string;
  readonly serverFile: string;
  readonly logFile: string;
  readonly folder: string;
  readonly passwordFile: string;
  readonly unfinished: string;
  readonly data: string;
  readonly pidFile: string;
}

export function layoutOf(dataDir: string): Layout {
  const root = resolve(dataDir);
  const folder = join(root, 'postgres');
  const data = join(folder, 'data');
  return {
    dataDir: root,
    serverFile: join(root, 'server.json'),
    logFile: join(root, 'postgres.log'),
    folder,
    passwordFile: join(folder, 'password'),
    unfinished: join(folder, 'initdb'),
    data,
    pidFile: join(data, 'postmaster.pid'),
  };
}
