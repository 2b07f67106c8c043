import type { Config } from './config.ts';
import type { StatsHub } from './stats/hub.ts';
import type { Logging } from './telemetry/logger.ts';
import type { MetricsEndpoint } from './telemetry/metrics/endpoint.ts';
import { type MetricsSource, RECENT_SECONDS } from './telemetry/metrics/view.ts';

/** Metrics are what GetStats tells at the same moment. */
export function metricsSource(hub: StatsHub): MetricsSource {
  return () => ({ totals: hub.totals(), recent: hub.recent(RECENT_SECONDS) });
}

/**
 * Serves the metrics where the settings say. With workers their parent does: it outlives each of them, and
 * learns first what any of them counted, so no scrape fails and no counter goes back.
 *
 * @returns undefined when there is nothing to serve here
 * @throws Error naming the address
 */
export async function openMetrics(
  source: MetricsSource,
  config: Config,
  log: Logging['log'],
): Promise<MetricsEndpoint | undefined> {
  if (config.metrics_listen === undefined) return undefined;
  const { MetricsEndpoint } = await import('./telemetry/metrics/endpoint.ts');
  const onError = (error: unknown) => log.error({ err: error }, 'the metrics could not be written');
  const endpoint = new MetricsEndpoint({ ...config.metrics_listen, source, onError });
  const { host, port } = await endpoint.listen();
  const shown = host.includes(':') ? `[${host}]` : host;
  log.info({ url: `http://${shown}:${port}/metrics` }, 'serving metrics');
  return endpoint;
}
