import { compact } from '../compact-histogram.ts';
import type { StatsFrame } from '../gen/memoryhub/v1/stats_service.ts';
import type { WireHistogram } from '../histogram.ts';
import { shortMethodName } from '../method-name.ts';
import { msFromDuration, msFromTimestamp } from '../time.ts';

/** 64-bit counts of the wire, or the plain numbers a monitor keeps of them. */
type Count = number | bigint;

/** What rules read of a method in a stretch of time. */
export interface MethodStretch {
  /** The short name. */
  readonly name: string;
  readonly completed: Count;
  readonly inFlight: Count;
  readonly codes: readonly { readonly code: number; readonly count: Count }[];
  readonly latency: WireHistogram | undefined;
}

/** What rules read of everything else. A frame of the contract fits, and so does what a monitor keeps of it. */
export interface GaugeStretch {
  readonly postgres:
    | {
        readonly up: boolean;
        readonly poolMax: number;
        readonly poolBusy: number;
        readonly poolWaiting: number;
        readonly commitQueue: number;
        readonly lost: Count;
        readonly acquire?: WireHistogram | undefined;
        readonly query?: WireHistogram | undefined;
      }
    | undefined;
  readonly redis:
    | {
        readonly up: boolean;
        readonly errors: Count;
        readonly usedBytes: Count;
        readonly maxBytes: Count;
        readonly command?: WireHistogram | undefined;
      }
    | undefined;
  readonly cache: { readonly localHits: Count; readonly redisHits: Count; readonly misses: Count } | undefined;
  readonly seal: { readonly seal: WireHistogram | undefined; readonly open: WireHistogram | undefined } | undefined;
  readonly processes: readonly {
    readonly cpu: number;
    readonly rssBytes: Count;
    readonly heapUsedBytes: Count;
    readonly loopDelayP99Us: number;
    readonly loopUtilization: number;
    readonly gcShare: number;
  }[];
  readonly connections:
    | { readonly connections: number; readonly streams: number; readonly watchers: number }
    | undefined;
  readonly shed: readonly { readonly count: Count }[];
  /** Microseconds; 0: not known. */
  readonly configLoadUs: Count;
}

/** What one server did in a stretch of time, as rules read it. */
export interface Stretch {
  /** End of the stretch. Milliseconds since 1970. */
  readonly endMs: number;
  readonly coveredMs: number;
  readonly methods: readonly MethodStretch[];
  readonly gauges: GaugeStretch;
}

/** A frame as rules read it: of everything else nothing is kept. */
export function stretchOf(frame: StatsFrame): Stretch {
  return {
    endMs: frame.at === undefined ? 0 : msFromTimestamp(frame.at),
    coveredMs: frame.covered === undefined ? 0 : msFromDuration(frame.covered),
    methods: frame.methods.map(({ method, completed, inFlight, codes, latency }) => ({
      name: shortMethodName(method),
      completed,
      inFlight,
      codes,
      latency: compact(latency),
    })),
    gauges: gaugesOf(frame),
  };
}

function gaugesOf({
  postgres,
  redis,
  cache,
  seal,
  processes,
  connections,
  shed,
  configLoadUs,
}: StatsFrame): GaugeStretch {
  return {
    postgres: postgres && { ...postgres, acquire: compact(postgres.acquire), query: compact(postgres.query) },
    redis: redis && { ...redis, command: compact(redis.command) },
    cache,
    seal: seal && { seal: compact(seal.seal), open: compact(seal.open) },
    processes,
    connections,
    shed,
    configLoadUs,
  };
}
