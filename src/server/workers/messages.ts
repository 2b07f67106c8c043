import type { Boot } from '../compose.ts';
import type { Config } from '../config.ts';

/** From the parent to a worker. Structured clones, over the cluster's own channel. */
export type ToWorker =
  | {
      readonly kind: 'start';
      readonly worker: number;
      readonly config: Config;
      readonly boot: Boot;
      readonly databaseUrl: string;
    }
  /** What all workers counted until now: an encoded StatsFrame. From here on 'stats' tells the rest. */
  | { readonly kind: 'totals'; readonly frame: Uint8Array }
  /** What one of the workers counted, this one included: an encoded StatsFrame. */
  | { readonly kind: 'stats'; readonly worker: number; readonly frame: Uint8Array }
  | { readonly kind: 'stop'; readonly graceMs: number };

/** From a worker to the parent. */
export type FromWorker =
  | { readonly kind: 'serving'; readonly host: string; readonly port: number }
  | { readonly kind: 'failed'; readonly message: string; readonly foreseen: boolean }
  | { readonly kind: 'stats'; readonly frame: Uint8Array };
