import { ValueType } from '@opentelemetry/api';
import { emptyResource } from '@opentelemetry/resources';
import {
  AggregationTemporality,
  type DataPoint,
  DataPointType,
  type Histogram,
  type MetricData,
  type MetricProducer,
  PeriodicExportingMetricReader,
  type PushMetricExporter,
} from '@opentelemetry/sdk-metrics';
import { familiesOf } from './families.ts';
import type { Family, HistogramSample, NumberSample } from './family.ts';
import type { MetricsSource } from './view.ts';

const DEFAULT_INTERVAL_MS = 60_000;
const DEFAULT_TIMEOUT_MS = 30_000;

/**
 * Sends the metrics where the environment says, over the protocol it says. The SDK's own instruments
 * would count a second time, and rescale; here it gets what the statistics have, cumulative whatever
 * temporality is preferred.
 */
export async function otlpMetricReader(source: MetricsSource, version: string): Promise<PeriodicExportingMetricReader> {
  const exportIntervalMillis = milliseconds('OTEL_METRIC_EXPORT_INTERVAL', DEFAULT_INTERVAL_MS);
  const timeout = milliseconds('OTEL_METRIC_EXPORT_TIMEOUT', DEFAULT_TIMEOUT_MS);
  return new PeriodicExportingMetricReader({
    exporter: await exporterOf(protocol()),
    exportIntervalMillis,
    // The SDK refuses a timeout longer than the interval.
    exportTimeoutMillis: Math.min(timeout, exportIntervalMillis),
    metricProducers: [statsProducer(source, version)],
  });
}

function protocol(): string {
  const { env } = process;
  return env.OTEL_EXPORTER_OTLP_METRICS_PROTOCOL || env.OTEL_EXPORTER_OTLP_PROTOCOL || 'http/protobuf';
}

/** Loaded only by who needs it: each brings a serialiser and a transport along. */
async function exporterOf(name: string): Promise<PushMetricExporter> {
  if (name === 'grpc') return new (await import('@opentelemetry/exporter-metrics-otlp-grpc')).OTLPMetricExporter();
  if (name === 'http/json') return new (await import('@opentelemetry/exporter-metrics-otlp-http')).OTLPMetricExporter();
  return new (await import('@opentelemetry/exporter-metrics-otlp-proto')).OTLPMetricExporter();
}

function milliseconds(variable: string, fallback: number): number {
  const value = Number(process.env[variable]);
  return Number.isFinite(value) && value > 0 ? value : fallback;
}

/** The statistics as OpenTelemetry's data model has them. */
export function statsProducer(source: MetricsSource, version: string): MetricProducer {
  return {
    async collect() {
      const view = source();
      const startTime = hrTime(Number(view.totals.bootTime?.seconds ?? 0), view.totals.bootTime?.nanos ?? 0);
      const nowMs = Date.now();
      const endTime = hrTime(Math.floor(nowMs / 1000), (nowMs % 1000) * 1e6);
      const metrics = familiesOf(view).map((family) => metricOf(family, { startTime, endTime }));
      return {
        // The SDK puts its own in this one's place.
        resourceMetrics: {
          resource: emptyResource(),
          scopeMetrics: [{ scope: { name: 'memory-hub', version }, metrics }],
        },
        errors: [],
      };
    },
  };
}

type Stretch = Pick<DataPoint<number>, 'startTime' | 'endTime'>;

function metricOf(family: Family, stretch: Stretch): MetricData {
  const { name, help, unit } = family;
  const base = {
    descriptor: { name, description: help, unit, valueType: ValueType.DOUBLE },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
  };
  if (family.type === 'histogram') {
    const dataPoints = family.samples.map((sample) => histogramPoint(sample, family.bounds, stretch));
    return { ...base, dataPointType: DataPointType.HISTOGRAM, dataPoints };
  }
  const dataPoints = family.samples.map((sample) => numberPoint(sample, stretch));
  if (family.type === 'gauge') return { ...base, dataPointType: DataPointType.GAUGE, dataPoints };
  return { ...base, dataPointType: DataPointType.SUM, isMonotonic: true, dataPoints };
}

function numberPoint({ labels, value }: NumberSample, stretch: Stretch): DataPoint<number> {
  return { ...stretch, attributes: labels, value };
}

function histogramPoint(sample: HistogramSample, bounds: readonly number[], stretch: Stretch): DataPoint<Histogram> {
  const { labels, counts, count, sum, min, max } = sample;
  const value = { buckets: { boundaries: [...bounds], counts: [...counts] }, count, sum, min, max };
  return { ...stretch, attributes: labels, value };
}

function hrTime(seconds: number, nanos: number): [number, number] {
  return [seconds, nanos];
}
