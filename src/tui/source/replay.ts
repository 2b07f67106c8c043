import { setTimeout as sleep } from 'node:timers/promises';
import type { WatchStatsResponse } from '../../shared/gen/memoryhub/v1/stats_service.ts';
import { msFromTimestamp } from '../../shared/time.ts';
import type { SourceEvent } from '../state/event.ts';
import type { Source } from './source.ts';

export interface ReplaySourceOptions {
  /** What the header calls it: the file's name. */
  readonly target: string;
  readonly messages: Iterable<WatchStatsResponse>;
  /** Times real time; 0: at once. */
  readonly speed: number;
}

/** Plays a recording as it happened: time is the recording's, so the same file gives the same frames. */
export class ReplaySource implements Source {
  readonly target: string;
  readonly live = false;
  readonly #options: ReplaySourceOptions;

  constructor(options: ReplaySourceOptions) {
    this.target = options.target;
    this.#options = options;
  }

  async *events(signal: AbortSignal): AsyncGenerator<SourceEvent, void, undefined> {
    const { messages, speed } = this.#options;
    yield { kind: 'connection', connection: { phase: 'replaying', ended: false } };
    const targets: string[] = [];
    const iterator: Iterator<WatchStatsResponse, unknown> = messages[Symbol.iterator]();
    let lastMs: number | undefined;
    let next = iterator.next();
    for (; !next.done; next = iterator.next()) {
      const { frame, target } = next.value;
      if (frame?.at === undefined) continue;
      const atMs = msFromTimestamp(frame.at);
      // What the server had replayed when the recording began was there at once.
      if (speed > 0 && !frame.replayed && lastMs !== undefined && atMs > lastMs) {
        await sleep((atMs - lastMs) / speed, undefined, { signal }).catch(() => {});
      }
      if (signal.aborted) {
        iterator.return?.();
        return;
      }
      if (!frame.replayed) lastMs = Math.max(atMs, lastMs ?? atMs);
      if (target !== '' && !targets.includes(target)) {
        targets.push(target);
        yield { kind: 'targets', names: [...targets] };
        yield { kind: 'connection', connection: { phase: 'replaying', ended: false }, target };
      }
      yield { kind: 'frame', frame, receivedMs: atMs, ...(target === '' ? {} : { target }) };
    }
    const damage = typeof next.value === 'string' ? { damage: next.value } : {};
    const connection = { phase: 'replaying', ended: true, ...damage } as const;
    if (targets.length === 0) yield { kind: 'connection', connection };
    for (const target of targets) yield { kind: 'connection', connection, target };
  }

  configure(): void {}

  retryNow(): void {}
}
