import { once } from 'node:events';
import { statSync } from 'node:fs';

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'this user may not',
  EEXIST: 'what should be its folder is a file',
  ENOENT: 'its folder cannot be made',
  ENOTDIR: 'what should be its folder is a file',
};

/** The log file cannot be written. */
export class LogFileError extends Error {
  override readonly name = 'LogFileError';
}

/**
 * JSON lines go to a new file a day or at 100 MB; 7 are kept.
 *
 * @throws LogFileError
 */
export async function openRollingFile(file: string) {
  const refuse = (why: string) => {
    throw new LogFileError(`MEMORYHUB_LOG_FILE is ${JSON.stringify(file)}, which cannot be written: ${why}.`);
  };
  if (statSync(file, { throwIfNoEntry: false })?.isDirectory()) refuse('it is a folder');
  // Loaded only by who wants a file.
  const { default: roll } = await import('pino-roll');
  const settings = { frequency: 'daily', size: '100m', limit: { count: 6 }, mkdir: true, sync: false } as const;
  const rolling = await roll({ file, ...settings });
  await once(rolling, 'ready').catch((error: NodeJS.ErrnoException) =>
    refuse(REASONS[error.code ?? ''] ?? error.message),
  );
  // A full disk must not end the server: the lines still go to standard output.
  rolling.on('error', () => undefined);
  return rolling;
}
