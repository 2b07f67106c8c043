import type { Ratio, Series } from './alternate.ts';
import { median, type Row } from './verdict.ts';

const MIB = 1024 * 1024;

/** What a run of the suite leaves behind. */
export interface SuiteReport {
  /** Machine, versions, date, and what was asked for. */
  readonly run: Readonly<Record<string, string>>;
  readonly rows: readonly Row[];
  /** Of the first server, over the whole run, in bytes. */
  readonly peak: { readonly largest: number };
}

/** The table of `design` goals with what was measured. */
export function suiteMarkdown({ run, rows, peak }: SuiteReport): string {
  const lines = rows.map((row) => {
    const beside = row.beside.map((series) => `${series.name} ${rate(series, row.unit)}`).join(', ');
    const cells = [
      row.title,
      rate(row.ours, row.unit),
      `${row.floor.name} ${rate(row.floor, row.unit)}`,
      spread(row.ratio),
      row.goal.toFixed(2),
      row.verdict,
      row.cpuRatio ? spread(row.cpuRatio) : '',
      row.ours.p95.length > 0 ? median(row.ours.p95).toFixed(1) : '',
      beside,
    ];
    return `| ${cells.join(' | ')} |`;
  });
  return [
    Object.values(run).join('; '),
    '',
    '| what | ours | floor | ratio (middle half) | goal | | by processor time | p95 ms | beside |',
    '|---|---|---|---|---|---|---|---|---|',
    ...lines,
    '',
    `Server memory at its peak: ${Math.round(peak.largest / MIB)} MiB.`,
  ].join('\n');
}

/** What changed since another run, by the ratios: figures of two runs do not compare, ratios to a floor do. */
export function comparison(base: SuiteReport, now: SuiteReport): string {
  const lines = now.rows.flatMap((row) => {
    const before = base.rows.find(({ title }) => title === row.title);
    if (!before) return [];
    const isApart = row.ratio.low > before.ratio.high || row.ratio.high < before.ratio.low;
    const change = row.ratio.median / before.ratio.median;
    return [
      `| ${row.title} | ${spread(before.ratio)} | ${spread(row.ratio)} | x ${change.toFixed(2)} | ${isApart ? 'beyond the noise' : ''} |`,
    ];
  });
  return ['| what | before | now | change | |', '|---|---|---|---|---|', ...lines].join('\n');
}

/** The median of what was done a second, in words. */
export function rate(series: Series, unit: string): string {
  const value = median(series.rates);
  if (unit === 'bytes') return `${(value / MIB).toFixed(1)} MiB/s`;
  return `${Math.round(value).toLocaleString('en')} ${unit}/s`;
}

export function spread({ median, low, high }: Ratio): string {
  return `${median.toFixed(2)} (${low.toFixed(2)}-${high.toFixed(2)})`;
}
