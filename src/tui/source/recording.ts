import { createWriteStream, readFileSync, type WriteStream } from 'node:fs';
import { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';
import { WatchStatsResponse } from '../../shared/gen/memoryhub/v1/stats_service.ts';
import type { SourceEvent } from '../state/event.ts';
import type { Source, SourceSettings } from './source.ts';

/**
 * A recording is the stream's own messages, each with its length as a varint before it (the
 * "delimited" format of every protobuf library), so any language reads it.
 */
export function encodeDelimited(message: WatchStatsResponse): Uint8Array {
  return new BinaryWriter().bytes(WatchStatsResponse.encode(message).finish()).finish();
}

/** @throws Error when the bytes are no recording; a message cut off at the end is left out */
export function decodeDelimited(bytes: Uint8Array): WatchStatsResponse[] {
  const reader = new BinaryReader(bytes);
  const messages: WatchStatsResponse[] = [];
  while (reader.pos < reader.len) {
    let message: Uint8Array;
    try {
      message = reader.bytes();
    } catch {
      break;
    }
    messages.push(WatchStatsResponse.decode(message));
  }
  if (messages.length === 0) throw new Error('it holds no frames');
  return messages;
}

/** Passes another source's events on and writes its frames to a file as they come. */
export class RecordingSource implements Source {
  readonly target: string;
  readonly live: boolean;
  readonly #source: Source;
  readonly #file: WriteStream;

  /** @param path is overwritten */
  constructor(source: Source, path: string) {
    this.target = source.target;
    this.live = source.live;
    this.#source = source;
    this.#file = createWriteStream(path, { mode: 0o600 });
  }

  async *events(signal: AbortSignal): AsyncGenerator<SourceEvent, void, undefined> {
    // A full disk must not end the watching, nor go unseen.
    const failed = new Promise<Error>((resolve) => this.#file.once('error', resolve));
    let broken: Error | undefined;
    void failed.then((error) => {
      broken = error;
    });
    try {
      for await (const event of this.#source.events(signal)) {
        if (event.kind === 'frame' && broken === undefined)
          this.#file.write(encodeDelimited({ frame: event.frame, target: '' }));
        yield event;
      }
    } finally {
      if (broken === undefined) await new Promise((resolve) => this.#file.end(resolve));
      else console.error(`the recording is not complete: ${broken.message}`);
    }
  }

  configure(settings: SourceSettings): void {
    this.#source.configure(settings);
  }

  retryNow(): void {
    this.#source.retryNow();
  }
}

/** Reads a whole recording. */
export function readRecording(path: string): WatchStatsResponse[] {
  return decodeDelimited(readFileSync(path));
}
