import type { StatsFrame } from '../../../shared/gen/memoryhub/v1/stats_service.ts';

/** What metrics are made from, the same frames that StatsService tells. */
export interface MetricsView {
  /** Since the start, as GetStats answers. */
  readonly totals: StatsFrame;
  /** The last seconds: for shares of time, which are of no use over the whole life of a server. */
  readonly recent: StatsFrame;
}

/** Looks at the statistics now. */
export type MetricsSource = () => MetricsView;

/** How far back `recent` goes: the interval in which most scrapers come. */
export const RECENT_SECONDS = 15;
