import { hostname } from 'node:os';
import type { StatsFrame } from '../../shared/gen/memoryhub/v1/stats_service.ts';
import { timestampFromMs } from '../../shared/time.ts';
import type { Boot } from '../compose.ts';
import type { Config } from '../config.ts';
import { metricsSource, openMetrics } from '../metrics.ts';
import { type ServerIdentity, StatsHub } from '../stats/hub.ts';
import type { Logging } from '../telemetry/logger.ts';
import type { MetricsEndpoint } from '../telemetry/metrics/endpoint.ts';
import { startTracing, type Tracing } from '../telemetry/tracing.ts';
import { JoinedStats } from './joined-stats.ts';

/**
 * The metrics of all workers, told by their parent: whichever worker ends, they go on, and what it had
 * counted stays counted.
 */
export class WorkersMetrics {
  readonly #joined = new JoinedStats();
  readonly #hub: StatsHub;
  readonly #identity: { replica: string } & ServerIdentity;
  readonly #tracing: Tracing;
  #endpoint: MetricsEndpoint | undefined;

  private constructor(boot: Boot, tracing: Tracing, onError: (error: unknown) => void) {
    this.#tracing = tracing;
    this.#identity = {
      bootId: boot.id,
      bootTime: timestampFromMs(boot.time),
      version: boot.version,
      replica: hostname(),
      configLoadUs: BigInt(Math.ceil(boot.configLoadMs * 1000)),
    };
    this.#hub = new StatsHub({ source: this.#joined, identity: this.#identity, onError });
  }

  /**
   * To be opened before there are workers, whose frames it is to be told from the first one on.
   *
   * @returns undefined when the settings ask for none
   * @throws Error naming the address that cannot be listened at
   */
  static async open(config: Config, boot: Boot, logging: Logging): Promise<WorkersMetrics | undefined> {
    const tracing = await startTracing({
      endpoint: config.otlp_endpoint,
      version: boot.version,
      serverAddress: config.listen.host,
      serverPort: config.listen.port,
      only: 'metrics',
      log: logging.diag,
    });
    if (config.metrics_listen === undefined && tracing.readMetrics === undefined) return undefined;
    const metrics = new WorkersMetrics(boot, tracing, (error) =>
      logging.log.error({ err: error }, 'the statistics missed a beat'),
    );
    const source = metricsSource(metrics.#hub);
    tracing.readMetrics?.(source);
    try {
      metrics.#endpoint = await openMetrics(source, config, logging.log);
    } catch (error) {
      await tracing.shutdown();
      throw error;
    }
    metrics.#hub.start();
    return metrics;
  }

  /** The workers serve at this port. */
  servesAt(port: number): void {
    this.#identity.replica = `${hostname()}:${port}`;
  }

  /** @param frame what a worker counted since the one before; kept */
  received(worker: number, frame: StatsFrame): void {
    this.#joined.received(worker, frame);
  }

  /** Once the workers have ended: sends what they counted last. */
  async close(): Promise<void> {
    this.#joined.ended();
    await this.#endpoint?.close();
    await this.#tracing.shutdown();
    this.#hub.close();
  }
}
