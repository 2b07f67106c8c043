import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { CommandFailure } from '../failure.ts';

/** A file that gets its name when it is complete; until then it is called NAME.part. */
export class WholeFile {
  readonly #path: string;
  readonly #handle: FileHandle;

  private constructor(path: string, handle: FileHandle) {
    this.#path = path;
    this.#handle = handle;
  }

  /** @throws CommandFailure when the file cannot be made there */
  static async open(path: string): Promise<WholeFile> {
    if (path === '') throw new CommandFailure('--out is empty: it must be the name of a file', 2);
    const there = await stat(path).catch(() => undefined);
    if (there?.isDirectory()) throw new CommandFailure(`cannot write ${path}: it is a folder`);
    // Giving the file its name would replace a device or a pipe.
    if (there && !there.isFile())
      throw new CommandFailure(
        `cannot write ${path}: it is no ordinary file; without --out the export goes to standard output`,
      );
    // What is there by that name is left over, or was put there by somebody else to be written to.
    await rm(`${path}.part`, { force: true }).catch(() => {});
    const handle = await open(`${path}.part`, 'wx', 0o600).catch((error: NodeJS.ErrnoException) => {
      throw new CommandFailure(`cannot write ${path}: ${reason(error)}`);
    });
    return new WholeFile(path, handle);
  }

  /** @throws CommandFailure, for instance when the disk is full */
  async write(data: Uint8Array): Promise<void> {
    await this.#handle.appendFile(data).catch((error: NodeJS.ErrnoException) => {
      throw new CommandFailure(`cannot write ${this.#path}: ${error.message}`);
    });
  }

  /** Gives it its name, once it is on the disk. */
  async finish(): Promise<void> {
    await this.#handle.sync();
    await this.#handle.close();
    await rename(`${this.#path}.part`, this.#path);
  }

  /** Removes what there is of it. */
  async discard(): Promise<void> {
    await this.#handle.close();
    await rm(`${this.#path}.part`, { force: true });
  }
}

function reason(error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT') return 'its folder is not there';
  return error.code === 'ENOTDIR' ? 'what should be its folder is a file' : error.message;
}
