import type { Config } from './config.ts';
import type { StatsHub } from './stats/hub.ts';
import type { Logging } from './telemetry/logger.ts';
import { MetricsEndpoint } from './telemetry/metrics/endpoint.ts';
import { type MetricsSource, RECENT_SECONDS } from './telemetry/metrics/view.ts';

/** Metrics are what GetStats tells at the same moment. */
export function metricsSource(hub: StatsHub): MetricsSource {
  return () => ({ totals: hub.totals(), recent: hub.recent(RECENT_SECONDS) });
}

/**
 * Serves the metrics where the settings say. Of several workers the first does, for all of them: each
 * learns of the others' calls at its own moment, so counters that came from each in turn would go back.
 *
 * @returns undefined when there is nothing to serve here
 * @throws Error naming the address
 */
export async function openMetrics(
  source: MetricsSource,
  config: Config,
  worker: number,
  log: Logging['log'],
): Promise<MetricsEndpoint | undefined> {
  if (config.metrics_listen === undefined || worker > 1) return undefined;
  const onError = (error: unknown) => log.error({ err: error }, 'the metrics could not be written');
  const endpoint = new MetricsEndpoint({ ...config.metrics_listen, source, onError });
  const { host, port } = await endpoint.listen();
  const shown = host.includes(':') ? `[${host}]` : host;
  log.info({ url: `http://${shown}:${port}/metrics` }, 'serving metrics');
  return endpoint;
}
