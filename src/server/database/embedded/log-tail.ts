import { closeSync, openSync, readSync, statSync } from 'node:fs';

/** Size of the log now, to tell later what came after. 0 when there is none. */
export function logSize(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

/** What the log holds from `offset` on, at most 64 KiB of it; all of it when it was moved away meanwhile. */
export function logSince(file: string, offset: number): string {
  const size = logSize(file);
  const from = Math.max(offset <= size ? offset : 0, size - 65_536);
  const text = Buffer.alloc(size - from);
  const handle = openSync(file, 'r');
  try {
    return text.toString('utf8', 0, readSync(handle, text, 0, text.length, from));
  } finally {
    closeSync(handle);
  }
}

/** The last lines, indented, to stand under an error's first sentence. */
export function lastLines(text: string, count = 12): string {
  const lines = text.trimEnd().split('\n').slice(-count);
  return lines.map((line) => `    ${line}`).join('\n');
}
