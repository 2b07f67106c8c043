import type { Logger } from 'pino';

/** How long closing may take once something nobody caught was thrown, in milliseconds. */
const CLOSE_MS = 5_000;

/**
 * What happens when an error reaches nobody, be it thrown or a promise that was rejected: what the
 * process holds in memory can be trusted no more, so it is logged and the process ends with code 1.
 * Callers get a moment to finish.
 *
 * @returns resolves when that has happened: then close and end; after 5 s the process is ended anyway
 */
export function lastResort(log: Pick<Logger, 'fatal'>): Promise<void> {
  return new Promise((resolve) => {
    // Node hands over rejections nobody handles as well.
    process.on('uncaughtException', (error, origin) => {
      log.fatal({ err: error, origin }, 'an error that nobody caught: the server ends');
      if (process.exitCode === 1) return;
      process.exitCode = 1;
      setTimeout(() => process.exit(1), CLOSE_MS).unref();
      resolve();
    });
  });
}
