import type { FileHandle } from 'node:fs/promises';
import { CommandFailure } from '../failure.ts';

/** One line of a file: its number from 1 and its bytes without the line end. */
export interface Line {
  readonly number: number;
  readonly bytes: Buffer;
}

const NEWLINE = 10;
const CARRIAGE_RETURN = 13;
/** No memory needs more: 256 KiB of content, escaped at its worst, and room for the rest. */
const MAX_LINE_BYTES = 4 * 1024 * 1024;

/**
 * The lines of a file from its beginning, as bytes, so that broken UTF-8 is seen and not silently replaced. Holds one
 * line and one read of the file in memory.
 *
 * @throws CommandFailure when a line is longer than 4 MiB
 */
export async function* readLines(file: FileHandle, onChunk?: (chunk: Buffer) => void): AsyncGenerator<Line> {
  let number = 0;
  let rest: Buffer = Buffer.alloc(0);
  const bytesOfFile = file.createReadStream({ start: 0, autoClose: false, highWaterMark: 256 * 1024 });
  for await (const chunk of bytesOfFile as AsyncIterable<Buffer>) {
    onChunk?.(chunk);
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      number++;
      yield { number, bytes: withoutReturn(bytes.subarray(start, end)) };
      start = end + 1;
    }
    rest = bytes.subarray(start);
    if (rest.length > MAX_LINE_BYTES)
      throw new CommandFailure(`line ${number + 1} is longer than 4 MiB, and no memory needs that`);
  }
  if (rest.length > 0) yield { number: number + 1, bytes: withoutReturn(rest) };
}

function withoutReturn(line: Buffer): Buffer {
  return line.at(-1) === CARRIAGE_RETURN ? line.subarray(0, -1) : line;
}
