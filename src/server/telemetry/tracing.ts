import { context, type DiagLogger, DiagLogLevel, diag, logs, propagation, trace } from '@opentelemetry/api';
import { emptyFrame } from '../../shared/stats-merge.ts';
import type { ServerTracer } from '../rpc/call-observer.ts';
import type { MetricsSource, MetricsView } from './metrics/view.ts';
import { OtelServerTracer } from './server-tracer.ts';

/** Spans that are not sent by then are lost: a server that stops does not wait for a collector. */
const FLUSH_MS = 3000;

/** Of OTEL_TRACES_SAMPLER: those that do not ask what the caller decided. */
const INDEPENDENT_SAMPLERS: ReadonlySet<string> = new Set(['always_on', 'always_off', 'traceidratio']);

export interface TracingOptions {
  /** OTEL_EXPORTER_OTLP_ENDPOINT, from wherever the settings took it; undefined: none. */
  readonly endpoint: string | undefined;
  readonly version: string;
  /** Where the server listens. */
  readonly serverAddress: string;
  readonly serverPort: number;
  /** Workers send traces, and their parent the metrics of all of them. Otherwise both. */
  readonly only?: 'traces' | 'metrics';
  /** Told when the SDK is misconfigured or cannot send. */
  readonly log: DiagLogger;
}

export interface Tracing {
  /** Undefined when traces are off. */
  readonly tracer: ServerTracer | undefined;
  /** Says where metrics are read from now on; nothing is sent before. Undefined when they are off. */
  readonly readMetrics: ((source: MetricsSource) => void) | undefined;
  /** Sends what is left, for at most so many milliseconds, and ends. */
  shutdown(timeoutMs?: number): Promise<void>;
}

const NO_METRICS: MetricsView = { totals: emptyFrame(), recent: emptyFrame() };
const OFF: Tracing = { tracer: undefined, readMetrics: undefined, shutdown: async () => undefined };

/**
 * OpenTelemetry as its specification's environment variables say: endpoint, headers, protocol
 * (http/protobuf, http/json, grpc), sampler (parent-based unless told otherwise), resource, limits,
 * propagators (W3C unless told otherwise). The SDK is not even loaded when there is no endpoint.
 */
export async function startTracing(options: TracingOptions): Promise<Tracing> {
  const { env } = process;
  const wanted = wantedSignals(options);
  if (!wanted.traces && !wanted.metrics) return OFF;
  // The SDK reads nothing but the environment; the setting may stand in the configuration file.
  if (options.endpoint) env.OTEL_EXPORTER_OTLP_ENDPOINT ??= options.endpoint;

  const { AlwaysOnSampler, NodeSDK, ParentBasedSampler } = await import('./sdk.ts');
  if (!env.OTEL_LOG_LEVEL) diag.setLogger(options.log, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
  const named = env.OTEL_SERVICE_NAME || env.OTEL_RESOURCE_ATTRIBUTES?.includes('service.name=');
  let source: MetricsSource = () => NO_METRICS;
  const reader =
    wanted.metrics && (await import('./metrics/otlp.ts')).otlpMetricReader(() => source(), options.version);
  const rootRatio = ratioOfRoots(env);
  const sampler = rootRatio === undefined ? undefined : new ParentBasedSampler({ root: new AlwaysOnSampler() });
  const sdk = new NodeSDK({
    ...(sampler && { sampler }),
    ...(named ? {} : { serviceName: 'memory-hub' }),
    // Nothing is measured by the SDK, and logs are ours to write: see stats/ and logger.ts.
    metricReaders: reader ? [await reader] : [],
    logRecordProcessors: [],
    ...(!wanted.traces && { spanProcessors: [] }),
  });
  sdk.start();
  const tracer = new OtelServerTracer(
    trace.getTracer('memory-hub', options.version),
    propagation,
    { 'server.address': options.serverAddress, 'server.port': options.serverPort },
    // The specification's default is parentbased_always_on, for a name it does not know as well.
    !INDEPENDENT_SAMPLERS.has(env.OTEL_TRACES_SAMPLER ?? ''),
    rootRatio ?? 1,
  );
  return {
    tracer: wanted.traces ? tracer : undefined,
    readMetrics: reader
      ? (from) => {
          source = from;
        }
      : undefined,
    async shutdown(timeoutMs = FLUSH_MS) {
      await within(timeoutMs, sdk.shutdown());
      logs.disable();
      trace.disable();
      propagation.disable();
      context.disable();
      diag.disable();
    },
  };
}

/** What the environment wants sent: nothing without an address, and no metrics but over OTLP. */
function wantedSignals({ endpoint, only }: TracingOptions): { traces: boolean; metrics: boolean } {
  const { env } = process;
  const off = env.OTEL_SDK_DISABLED?.toLowerCase() === 'true';
  const exporters = (env.OTEL_METRICS_EXPORTER || 'otlp').split(',').map((name) => name.trim());
  return {
    traces:
      !off &&
      only !== 'metrics' &&
      Boolean(endpoint || env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT) &&
      env.OTEL_TRACES_EXPORTER !== 'none',
    metrics:
      !off &&
      only !== 'traces' &&
      Boolean(endpoint || env.OTEL_EXPORTER_OTLP_METRICS_ENDPOINT) &&
      exporters.includes('otlp'),
  };
}

/** Waits for work that may fail, and not longer. */
async function within(timeoutMs: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, timeoutMs);
  });
  // What could not be sent was reported by the exporter already.
  await Promise.race([work.catch(() => undefined), timeout]);
  clearTimeout(timer);
}

/** Of parentbased_traceidratio, which is drawn before the SDK is asked; undefined: another sampler, or no ratio. */
function ratioOfRoots({ OTEL_TRACES_SAMPLER, OTEL_TRACES_SAMPLER_ARG }: NodeJS.ProcessEnv): number | undefined {
  if (OTEL_TRACES_SAMPLER !== 'parentbased_traceidratio' || !OTEL_TRACES_SAMPLER_ARG) return undefined;
  const ratio = Number(OTEL_TRACES_SAMPLER_ARG);
  return ratio >= 0 && ratio <= 1 ? ratio : undefined;
}
