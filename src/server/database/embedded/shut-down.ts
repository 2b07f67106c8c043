import { EmbeddedPostgresError } from './errors.ts';
import type { Layout } from './layout.ts';
import { findPostmaster } from './postmaster.ts';
import { ended, signal } from './processes.ts';

/** A fast shutdown writes back at most shared_buffers; this is for a disk that can hardly do that. */
const FAST_MS = 60_000;
const IMMEDIATE_MS = 10_000;

/**
 * Ends the PostgreSQL of the data directory and waits for it: a fast shutdown (open transactions are rolled
 * back, everything is written), and after a minute an immediate one, which the next start recovers from.
 *
 * @param pid the one that is meant; another one is left alone
 * @throws EmbeddedPostgresError `still_running`
 */
export async function shutDown(layout: Layout, pid: number): Promise<void> {
  if (findPostmaster(layout)?.pid !== pid) return;
  signal(pid, 'SIGINT');
  if (await ended(pid, FAST_MS)) return;
  signal(pid, 'SIGQUIT');
  if (await ended(pid, IMMEDIATE_MS)) return;
  throw new EmbeddedPostgresError(
    'still_running',
    `PostgreSQL (pid ${pid}) does not end, not even at once; is its disk answering? See ${layout.logFile}.`,
  );
}
