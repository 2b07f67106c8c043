import { type BringUpOptions, bringUp, type Running } from './bring-up.ts';
import { layoutOf } from './layout.ts';
import { type Prepared, prepare } from './prepare.ts';
import { isAlive } from './processes.ts';
import { shutDown } from './shut-down.ts';

const START_TIMEOUT_MS = 60_000;
const WATCH_MS = 250;

export interface EmbeddedPostgresOptions {
  /** Made when it is not there. The caller has claimed it (claimDataDir). */
  readonly dataDir: string;
  /** Connections PostgreSQL allows; the pool's and a few for people. */
  readonly maxConnections: number;
  /** How long PostgreSQL may take until it answers, recovery included. Default 60 s. */
  readonly startTimeoutMs?: number;
  /** Told, in whole sentences, what a person should know: copies made, a database that came back. */
  readonly onNotice?: (text: string) => void;
}

/** The PostgreSQL of one data directory, in processes of its own. */
export interface EmbeddedPostgres {
  /** For the superuser, with the password in it. Stays the same while this handle lives. */
  readonly url: string;
  readonly port: number;
  /** Of the postmaster; another one after it was killed and came back. */
  readonly pid: number;
  /** It was left behind by another server and still answered. */
  readonly adopted: boolean;
  /** It had not been shut down, and replayed its log. */
  readonly recovered: boolean;
  /** Shuts it down and waits for its end. */
  stop(): Promise<void>;
}

/**
 * Starts the PostgreSQL of the data directory, making the database if there is none, or adopts the one that
 * is running. When it dies it is started again on the same port, as long as this process lives.
 *
 * @throws EmbeddedPostgresError with a text for the person who started the server
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { onNotice = () => {}, maxConnections, startTimeoutMs: timeoutMs = START_TIMEOUT_MS } = options;
  const prepared = prepare(layoutOf(options.dataDir), onNotice);
  const first = await bringUp(prepared, { maxConnections, timeoutMs });
  const watch = keepUp(prepared, first, { maxConnections, timeoutMs }, onNotice);
  return {
    url: first.url,
    port: first.port,
    adopted: first.adopted,
    recovered: first.recovered,
    get pid() {
      return watch.pid();
    },
    stop: watch.stop,
  };
}

/** Looks after a running PostgreSQL; whether this process started or adopted it makes no difference. */
function keepUp(prepared: Prepared, first: Running, options: BringUpOptions, onNotice: (text: string) => void) {
  let running = first;
  let restart: Promise<void> | undefined;
  const timer = setInterval(() => {
    if (restart !== undefined || isAlive(running.pid)) return;
    restart = bringBack().finally(() => {
      restart = undefined;
    });
  }, WATCH_MS);
  timer.unref();

  const bringBack = async () => {
    const { pid, port } = running;
    onNotice(`PostgreSQL (pid ${pid}) ended unexpectedly; starting it again on port ${port}.`);
    try {
      running = await bringUp(prepared, { ...options, port });
      onNotice(`PostgreSQL is back (pid ${running.pid}).`);
    } catch (error) {
      onNotice(`PostgreSQL did not come back, and is tried again: ${(error as Error).message}`);
    }
  };
  let stopped: Promise<void> | undefined;
  const stop = async () => {
    clearInterval(timer);
    await restart;
    await shutDown(prepared.layout, running.pid);
  };
  return { pid: () => running.pid, stop: () => (stopped ??= stop()) };
}
