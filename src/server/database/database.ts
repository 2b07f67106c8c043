import { setTimeout as sleep } from 'node:timers/promises';
import type { MikroORM } from '@mikro-orm/postgresql';
import { type Client, Pool, type PoolConfig } from 'pg';
import { Lazy } from '../../shared/lazy.ts';
import { ConnectionPool, type PoolObserver } from './connection-pool.ts';
import { lendingSocket } from './lending-socket.ts';
import { CONNECTIONS_BESIDE_POOL } from './pool-share.ts';
import { preflight } from './preflight.ts';
import { queryTimeoutMs, sessionSettings } from './session.ts';
import { resultTypes, withSettings } from './target.ts';
import { connectForWriting } from './write-connection.ts';

export interface DatabaseOptions {
  /** postgresql://user:password@host:port/database of the primary. */
  readonly url: string;
  /** A replica for reads that may be stale; undefined: the primary. */
  readonly readUrl?: string | undefined;
  /** Most connections of the pool, and of the replica's; 20 kept open and 40 overflow. */
  readonly poolMax?: number;
  /** Connections kept open when idle; a third of poolMax. */
  readonly poolMin?: number;
  /** Processes like this one that share the server, for the check against max_connections. */
  readonly processes?: number;
  readonly connectTimeoutMs?: number;
  /** Longest wait for a connection when all are busy. */
  readonly acquireTimeoutMs?: number;
  readonly statementTimeoutMs?: number;
  readonly idleTimeoutMs?: number;
  readonly maxLifetimeSeconds?: number;
  readonly observer?: PoolObserver;
  /** Warnings of ORM and driver, one sentence each. */
  readonly log?: (message: string) => void;
}

/** A poll that is not answered for so long has failed, and its connection with it. */
const POLL_TIMEOUT_MS = 1_000;

/** A connection that is never given back must not keep the process from ending. */
const CLOSE_TIMEOUT_MS = 2_000;

export interface Database {
  /**
   * For cold paths. Every query it makes is sent with its values inlined, unprepared. Loaded when it is first asked
   * for, which takes a tenth of a second and 13 MB: a server whose keys and settings nobody changes never does.
   */
  orm(): Promise<MikroORM>;
  /** For hot paths; the ORM takes its connections from it, too. */
  readonly pool: ConnectionPool;
  /** Of the replica, or the same as `pool`. */
  readonly readPool: ConnectionPool;
  /**
   * One connection of the primary for the polls by which this process knows that the database is there and
   * what of its caches is still good: an exhausted pool must not look like a database that is away.
   */
  readonly pollPool: ConnectionPool;
  /** 180004 for PostgreSQL 18.4. */
  readonly serverVersion: number;
  /** A connection of the primary outside the pool; see connectForWriting. */
  openWriteConnection(): Promise<Client>;
  /** Waits for lent connections to come back, at most 2 s, and ends them all. */
  close(): Promise<void>;
}

/**
 * Opens the database; migrates nothing.
 *
 * @throws DatabaseConnectError, DatabaseUnsuitableError: texts for the operator
 */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const { url, readUrl, poolMax = 60, processes = 1, acquireTimeoutMs = 100, log = () => {} } = options;
  const { observer = { acquired: () => {}, lost: () => {} } } = options;
  const timeouts = {
    statementTimeoutMs: options.statementTimeoutMs ?? 30_000,
    connectTimeoutMs: options.connectTimeoutMs ?? 5_000,
  };
  const facts = await preflight(url, timeouts.connectTimeoutMs, (poolMax + CONNECTIONS_BESIDE_POOL) * processes);
  if (readUrl !== undefined) await preflight(readUrl, timeouts.connectTimeoutMs, poolMax * processes);

  const settings = sessionSettings(timeouts, facts.noticesAbandoned);
  const poolConfig: PoolConfig = {
    max: poolMax,
    min: options.poolMin ?? Math.floor(poolMax / 3),
    idleTimeoutMillis: options.idleTimeoutMs ?? 30_000,
    maxLifetimeSeconds: options.maxLifetimeSeconds ?? 3600,
    connectionTimeoutMillis: timeouts.connectTimeoutMs,
    query_timeout: queryTimeoutMs(timeouts),
    keepAlive: true,
    stream: lendingSocket,
    application_name: 'memory-hub',
  };
  const bounds = { max: poolMax, acquireTimeoutMs, queryTimeoutMs: queryTimeoutMs(timeouts) };

  const native = new Pool({ ...poolConfig, connectionString: withSettings(url, settings), types: resultTypes() });
  const orm = new Lazy(() => import('./orm.ts').then(({ openOrm }) => openOrm(url, native, log)));
  const pool = new ConnectionPool(native, bounds, observer);

  const replica =
    readUrl === undefined
      ? undefined
      : new Pool({ ...poolConfig, connectionString: withSettings(readUrl, settings), types: resultTypes() });

  const polling = new Pool({
    ...poolConfig,
    connectionString: withSettings(url, settings),
    types: resultTypes(),
    max: 1,
    min: 0,
    connectionTimeoutMillis: POLL_TIMEOUT_MS,
    query_timeout: POLL_TIMEOUT_MS,
    application_name: 'memory-hub poll',
  });
  const pollBounds = { max: 1, acquireTimeoutMs: POLL_TIMEOUT_MS, queryTimeoutMs: POLL_TIMEOUT_MS };

  return {
    orm: () => orm.get(),
    pool,
    pollPool: new ConnectionPool(polling, pollBounds, { ...observer, acquired: () => {} }),
    readPool: replica === undefined ? pool : new ConnectionPool(replica, bounds, observer),
    serverVersion: facts.versionNumber,
    openWriteConnection: () => connectForWriting(url, timeouts, facts.noticesAbandoned),
    close: async () => {
      const ended = async () => {
        await (await orm.begun?.catch(() => undefined))?.close(true);
        // One that was never asked anything leaves the pool open.
        await Promise.all([native.ending ? undefined : native.end(), replica?.end(), polling.end()]);
      };
      await Promise.race([ended(), sleep(CLOSE_TIMEOUT_MS, undefined, { ref: false })]);
    },
  };
}
