import { CommandFailure } from './failure.ts';

/** More than the largest message holds: no end of it need be waited for. */
const MAX_BYTES = 4 * 1024 * 1024;

/**
 * All of standard input, as it is.
 *
 * @throws CommandFailure when it is not UTF-8 (what was silently put in the place of broken bytes would be kept
 *   for ever), or larger than any request
 */
export async function readStandardInput(): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of process.stdin as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > MAX_BYTES) throw new CommandFailure('standard input is larger than 4 MiB, and no request may be');
    parts.push(part);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.concat(parts));
  } catch {
    throw new CommandFailure('standard input is not UTF-8');
  }
}
