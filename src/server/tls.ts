import type { Logger } from 'pino';
import { EventKind } from '../shared/gen/memoryhub/v1/stats_service.ts';
import { TlsCredentials } from './rpc/tls-credentials.ts';
import { readTlsFiles, type TlsPaths } from './security/tls-files.ts';
import { TlsReloader } from './security/tls-reloader.ts';

/** TLS of one serving process. */
export interface ServingTls {
  readonly credentials: TlsCredentials;
  close(): void;
}

/**
 * Serves with these files from now on, as they change.
 *
 * @throws TlsFilesError when they cannot be served with now
 */
export function openTls(paths: TlsPaths, log: Logger, event: (kind: EventKind, text: string) => void): ServingTls {
  const first = readTlsFiles(paths);
  log.info(`TLS with the certificate of ${first.description}`);
  if (first.warning) log.warn(first.warning);
  const credentials = new TlsCredentials(first);
  const reloader = new TlsReloader(paths, {
    replaced: (material) => {
      credentials.replace(material);
      event(EventKind.CONFIG_RELOADED, `TLS: new connections get the certificate of ${material.description}`);
      if (material.warning) log.warn(material.warning);
    },
    refused: (error) => log.error(`${error.message}; connections go on with the certificate from before`),
  });
  return { credentials, close: () => reloader.close() };
}
