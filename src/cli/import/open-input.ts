import { randomUUID } from 'node:crypto';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommandFailure } from '../failure.ts';

/** What an import reads, which it does twice: once to check every line, once to send them. */
export interface ImportInput {
  /** How messages call it. */
  readonly name: string;
  readonly handle: FileHandle;
}

/**
 * Opens a file, or keeps what comes out of a pipe ("-", /dev/stdin, a process substitution) in a file without
 * a name, which is gone with this process however that ends.
 *
 * @throws CommandFailure when there is nothing to read
 */
export async function openInput(path: string): Promise<ImportInput> {
  // Under its name a socket, as some programs give one for standard input, cannot be opened.
  if (path === '-' || path === '/dev/stdin')
    return { name: 'standard input', handle: await spooled(process.stdin, 'standard input') };
  const handle = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    throw new CommandFailure(
      error.code === 'ENOENT' ? `there is no file ${path}` : `cannot read ${path}: ${error.message}`,
    );
  });
  const kind = await handle.stat();
  if (kind.isFile()) return { name: path, handle };
  if (kind.isDirectory()) {
    await handle.close();
    throw new CommandFailure(`${path} is a folder; give a file in it`);
  }
  return { name: path, handle: await spooled(handle.createReadStream(), path) };
}

async function spooled(from: AsyncIterable<unknown>, name: string): Promise<FileHandle> {
  const path = join(tmpdir(), `memory-hub-import-${randomUUID()}`);
  try {
    const spool = await open(path, 'wx+', 0o600);
    await unlink(path);
    for await (const chunk of from) await spool.appendFile(chunk as Uint8Array);
    return spool;
  } catch (error) {
    throw new CommandFailure(`cannot keep what ${name} brings in ${tmpdir()}: ${(error as Error).message}`);
  }
}
