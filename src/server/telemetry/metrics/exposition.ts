import type { Exemplar, Family, HistogramFamily, Labels } from './family.ts';

/**
 * How a scraper wants it: OpenMetrics 1.0 with exemplars, or Prometheus' own text format, which has
 * none. Names and labels are the same in both.
 */
export type Format = 'openmetrics' | 'text';

export const CONTENT_TYPES: Readonly<Record<Format, string>> = {
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
  text: 'text/plain; version=0.0.4; charset=utf-8',
};

/** UCUM units as Prometheus spells them (OpenTelemetry's compatibility specification). */
const UNITS: Readonly<Record<string, string>> = { s: 'seconds', By: 'bytes' };

/** The text of all metrics. */
export function exposition(families: readonly Family[], format: Format): string {
  const lines: string[] = [];
  for (const family of families) {
    const name = prometheusName(family);
    const series = family.type === 'counter' ? `${name}_total` : name;
    // In the older format a counter's name is that of its series.
    const declared = format === 'text' ? series : name;
    const unit = UNITS[family.unit];
    lines.push(`# HELP ${declared} ${family.help}.`, `# TYPE ${declared} ${family.type}`);
    if (format === 'openmetrics' && unit !== undefined) lines.push(`# UNIT ${declared} ${unit}`);
    if (family.type === 'histogram') writeHistogram(lines, series, family, format);
    else for (const { labels, value } of family.samples) lines.push(`${series}${braces(labels)} ${number(value)}`);
  }
  if (format === 'openmetrics') lines.push('# EOF');
  return `${lines.join('\n')}\n`;
}

/** "memoryhub.postgres.table.size" in bytes is memoryhub_postgres_table_size_bytes; without "_total". */
export function prometheusName({ name, unit, type }: Pick<Family, 'name' | 'unit' | 'type'>): string {
  const plain = name.replaceAll(/[^A-Za-z0-9_]/g, '_');
  const suffix = unit === '1' && type === 'gauge' ? 'ratio' : UNITS[unit];
  return suffix === undefined ? plain : `${plain}_${suffix}`;
}

function writeHistogram(lines: string[], name: string, family: HistogramFamily, format: Format): void {
  const edges = [...family.bounds.map(bound), '+Inf'];
  for (const { labels, counts, count, sum, exemplars } of family.samples) {
    let cumulative = 0;
    edges.forEach((le, bucket) => {
      cumulative += counts[bucket] ?? 0;
      const exemplar = format === 'openmetrics' ? exemplarText(exemplars.get(bucket)) : '';
      lines.push(`${name}_bucket${braces({ ...labels, le })} ${cumulative}${exemplar}`);
    });
    lines.push(`${name}_sum${braces(labels)} ${number(sum)}`, `${name}_count${braces(labels)} ${count}`);
  }
}

function exemplarText(exemplar: Exemplar | undefined): string {
  if (exemplar === undefined) return '';
  const { traceId, value, atMs } = exemplar;
  return ` # {trace_id="${escaped(traceId)}"} ${number(value)} ${number(atMs / 1000)}`;
}

/** Canonical, so that "1" and "1.0" are not two series. */
function bound(value: number): string {
  return Number.isInteger(value) ? value.toFixed(1) : String(value);
}

function number(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
}

function braces(labels: Labels): string {
  const pairs = Object.entries(labels).map(
    ([name, value]) => `${name.replaceAll(/[^A-Za-z0-9_]/g, '_')}="${escaped(value)}"`,
  );
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
