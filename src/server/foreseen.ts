import { RulesFileError } from '../shared/alerts/rules-file-error.ts';
import { RedisSettingError } from './cache/redis-connection.ts';
import { EmbeddedPostgresError } from './database/embedded/errors.ts';
import { DatabaseConnectError, DatabaseUnsuitableError, SchemaNewerError } from './database/errors.ts';
import { ListenError } from './rpc/server-listener.ts';
import { KeySetUnavailable } from './security/key-set-unavailable.ts';
import { KeyMissingError, KeyringError } from './security/sealing/key-encryption.ts';
import { TlsFilesError } from './security/tls-files.ts';
import { LogFileError } from './telemetry/log-file.ts';
import { MetricsListenError } from './telemetry/metrics/endpoint.ts';

/** What a worker could not do at its start, told by its parent. */
export class WorkerStartError extends Error {
  override readonly name = 'WorkerStartError';
}

const FORESEEN = [
  ...[DatabaseConnectError, DatabaseUnsuitableError, EmbeddedPostgresError, KeyMissingError, KeyringError],
  ...[KeySetUnavailable, ListenError, LogFileError, MetricsListenError, RedisSettingError, RulesFileError],
  ...[SchemaNewerError, TlsFilesError, WorkerStartError],
];

/**
 * Whether a start failed of something that can be expected: then its text is written for the person who
 * started the server, and a stack of ours would only bury it.
 */
export function isForeseen(error: unknown): error is Error {
  return FORESEEN.some((kind) => error instanceof kind);
}
