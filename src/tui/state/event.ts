import type { StatsFrame } from '../../shared/gen/memoryhub/v1/stats_service.ts';
import type { Command } from '../keys.ts';
import type { Connection } from './connection.ts';
import type { MemoryAnswer } from './memories/answer.ts';
import type { MemoryAccess } from './memories/browser.ts';

/** What a source yields: the same for a live stream, a recording and several servers merged. */
export type SourceEvent =
  | {
      readonly kind: 'frame';
      readonly frame: StatsFrame;
      readonly receivedMs: number;
      /** Of several targets, which; absent where there is one. */
      readonly target?: string;
    }
  /** What a server counted since it started. */
  | { readonly kind: 'totals'; readonly totals: StatsFrame; readonly target?: string }
  | { readonly kind: 'connection'; readonly connection: Connection; readonly target?: string }
  /** These are watched from now on. */
  | { readonly kind: 'targets'; readonly names: readonly string[] };

/** Everything that changes the state. */
export type Event =
  | SourceEvent
  /** Time went by with nothing else happening. */
  | { readonly kind: 'tick'; readonly nowMs: number }
  /** A key of the table was pressed. */
  | { readonly kind: 'command'; readonly command: Command }
  /** Whether there is a key for memories, and what the server answered to it. */
  | { readonly kind: 'memory-access'; readonly access: MemoryAccess }
  | { readonly kind: 'memory-answer'; readonly answer: MemoryAnswer }
  /** Something to be told once, until the next key. */
  | { readonly kind: 'notice'; readonly text: string }
  /** The filter is typed: the whole text so far. */
  | { readonly kind: 'filter-text'; readonly text: string }
  /** The terminal has another size. */
  | { readonly kind: 'resize'; readonly columns: number; readonly rows: number };
