import { RulesFileError } from '../shared/alerts/rules-file-error.ts';
import { RedisSettingError } from './cache/redis-connection.ts';
import { EmbeddedPostgresError } from './database/embedded/errors.ts';
import { DatabaseConnectError, DatabaseUnsuitableError, SchemaNewerError } from './database/errors.ts';
import { ListenError } from './rpc/server-listener.ts';
import { KeySetUnavailable } from './security/key-set-unavailable.ts';
import { KeyMissingError, KeyringError } from './security/sealing/key-encryption.ts';
import { TlsFilesError } from './security/tls-files.ts';
import { LogFileError } from './telemetry/log-file.ts';
import { MetricsListenError } from './telemetry/metrics/listen-error.ts';

/** What another process of the server could not do at the start, told by the one that started it. */
export class StartError extends Error {
  override readonly name = 'StartError';
}

const FORESEEN = [
  ...[DatabaseConnectError, DatabaseUnsuitableError, EmbeddedPostgresError, KeyMissingError, KeyringError],
  ...[KeySetUnavailable, ListenError, LogFileError, MetricsListenError, RedisSettingError, RulesFileError],
  ...[SchemaNewerError, StartError, TlsFilesError],
];

/**
 * Whether a start failed of something that can be expected: then its text is written for the person who
 * started the server, and a stack of ours would only bury it.
 */
export function isForeseen(error: unknown): error is Error {
  return FORESEEN.some((kind) => error instanceof kind);
}
