import { statSync } from 'node:fs';
import { readTlsFiles, type TlsMaterial, type TlsPaths } from './tls-files.ts';

/** How often the files are looked at. Watching would miss links that are switched, as Kubernetes does. */
const LOOK_INTERVAL_MS = 1_000;

export interface TlsReloaderEvents {
  /** The files have changed, and can be served with. */
  replaced(material: TlsMaterial): void;
  /** The files have changed and cannot be; said once a change. What was served with before goes on. */
  refused(error: Error): void;
}

/**
 * Reads TLS files again when they change. Certificate and key are seldom replaced in one step: while they
 * do not fit each other the old pair is kept, and they are read again at the next change.
 */
export class TlsReloader {
  readonly #paths: TlsPaths;
  readonly #events: TlsReloaderEvents;
  readonly #timer: NodeJS.Timeout;
  #seen: string;

  constructor(paths: TlsPaths, events: TlsReloaderEvents, intervalMs = LOOK_INTERVAL_MS) {
    this.#paths = paths;
    this.#events = events;
    this.#seen = this.#look();
    this.#timer = setInterval(() => this.check(), intervalMs).unref();
  }

  /** Looks now. */
  check(): void {
    const now = this.#look();
    if (now === this.#seen) return;
    this.#seen = now;
    try {
      this.#events.replaced(readTlsFiles(this.#paths));
    } catch (error) {
      this.#events.refused(error as Error);
    }
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** What distinguishes one state of the files from another; a file that is away is a state too. */
  #look(): string {
    return Object.values(this.#paths)
      .map((path: string | undefined) => {
        if (path === undefined) return '';
        const stat = statSync(path, { throwIfNoEntry: false });
        return stat === undefined ? 'away' : `${stat.ino} ${stat.size} ${stat.mtimeMs}`;
      })
      .join('; ');
  }
}
