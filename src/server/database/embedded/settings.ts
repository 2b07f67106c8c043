import { DIRECTORY_SETTING } from './postmaster.ts';

/** Name of the superuser the server connects as. */
export const SUPERUSER = 'memoryhub';
export const DATABASE = 'postgres';

/**
 * Written into postgresql.conf when the database is made. `ALTER SYSTEM SET` overrides each of them, so
 * they are a beginning for the operator, not a wall.
 */
const TUNING: Readonly<Record<string, string>> = {
  // Small machines run the server, the monitor and the tests beside it; the hot set is cached above it.
  shared_buffers: '256MB',
  // Every call is one commit of a few kB: room for many of them before anyone has to wait for the log.
  wal_buffers: '16MB',
  // Fewer checkpoints mean fewer full page images. Bounded, because recovery replays at most this much.
  max_wal_size: '2GB',
  checkpoint_timeout: '15min',
  // No replica and no archive is fed from here, so the log needs to hold only what recovery needs.
  wal_level: 'minimal',
  max_wal_senders: '0',
  timezone: 'UTC',
  log_timezone: 'UTC',
  // The log never holds content: neither the statement that failed, nor the row it was about.
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
  log_checkpoints: 'off',
  // The password is 256 random bits; stretching it would only make each new connection slower.
  scram_iterations: '1',
  cluster_name: 'memory-hub',
};

/** What initdb is called with, but for the folders. Locale C sorts by code point, the same everywhere. */
export function initdbArguments(): string[] {
  const fixed = ['--username', SUPERUSER, '--auth', 'scram-sha-256', '--encoding', 'UTF8', '--no-instructions'];
  const locale = ['--locale', 'C', '--locale-provider', 'builtin', '--builtin-locale', 'C.UTF-8'];
  return [...fixed, ...locale, ...Object.entries(TUNING).flatMap(([name, value]) => ['--set', `${name}=${value}`])];
}

/** What each start decides anew: the address, loopback only and without a socket, and the connections. */
export function postgresArguments(directory: string, port: number, maxConnections: number): string[] {
  const settings = {
    [DIRECTORY_SETTING]: directory,
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: '',
    max_connections: maxConnections,
    // The launcher keeps the log.
    logging_collector: 'off',
    log_destination: 'stderr',
  };
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}
