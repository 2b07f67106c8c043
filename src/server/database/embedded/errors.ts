/** Why the embedded PostgreSQL, or the data directory, cannot be used. */
export type EmbeddedPostgresErrorCode =
  | 'platform_unsupported'
  | 'binaries_missing'
  | 'no_permission'
  | 'no_folder'
  | 'other_major'
  | 'damaged'
  | 'initdb_failed'
  | 'start_failed'
  | 'start_timeout'
  | 'in_use'
  | 'still_running';

/** The message is written for the person at the terminal: what is wrong, where, and what to do. */
export class EmbeddedPostgresError extends Error {
  override readonly name = 'EmbeddedPostgresError';
  readonly code: EmbeddedPostgresErrorCode;

  constructor(code: EmbeddedPostgresErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The system's error code (`EACCES`, ...) of a thrown value, if it has one. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** @returns what `action` returns; a refusal of the file system becomes `no_permission` with `message` */
export function needingPermission<T>(message: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    const code = systemCode(error);
    if (code !== 'EACCES' && code !== 'EPERM' && code !== 'EROFS') throw error;
    throw new EmbeddedPostgresError('no_permission', `${message} (${code})`, { cause: error });
  }
}
