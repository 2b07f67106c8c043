import { readFileSync } from 'node:fs';
import { layoutOf } from './layout.ts';
import { urlOf } from './ping.ts';

/** Address of the embedded PostgreSQL that runs on a data directory; undefined when none does, or may not be read. */
export function embeddedUrl(dataDir: string): string | undefined {
  const { pidFile, passwordFile } = layoutOf(dataDir);
  try {
    const port = Number(readFileSync(pidFile, 'utf8').split('\n')[3]);
    return port > 0 ? urlOf(port, readFileSync(passwordFile, 'utf8').trim()) : undefined;
  } catch {
    return undefined;
  }
}
