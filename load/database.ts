import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '../src/server/database/embedded/embedded-postgres.ts';

/** A PostgreSQL of its own, for several servers or for one that has to be restarted; the first of them migrates it. */
export async function startDatabase(): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), 'memory-hub-load-'));
  const postgres = await startEmbeddedPostgres({ dataDir: folder, maxConnections: 200 });
  return {
    url: postgres.url,
    async stop() {
      await postgres.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
