import { createWriteStream, openSync, type WriteStream } from 'node:fs';
import type { SourceEvent } from '../state/event.ts';
import { encodeDelimited } from './recording-file.ts';
import type { Source, SourceSettings } from './source.ts';

/** Passes another source's events on and writes its frames to a file as they come. */
export class RecordingSource implements Source {
  readonly target: string;
  readonly live: boolean;
  readonly #source: Source;
  readonly #file: WriteStream;

  /**
   * @param path is overwritten
   * @throws Error of the system, when it cannot be
   */
  constructor(source: Source, path: string) {
    this.target = source.target;
    this.live = source.live;
    this.#source = source;
    this.#file = createWriteStream(path, { fd: openSync(path, 'w', 0o600) });
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
        if (event.kind === 'frame' && broken === undefined) {
          this.#file.write(encodeDelimited({ frame: event.frame, target: event.target ?? '' }));
        }
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
