import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import type { ScenarioResult } from './ghz.ts';
import type { PeakMemory } from './server.ts';

/** The guide's service level for a scenario: 95th percentile in milliseconds, ours and the one asked for. */
const TARGETS: Readonly<Record<string, { ours: number; asked: number }>> = {
  save: { ours: 20, asked: 200 },
  list: { ours: 20, asked: 200 },
  get: { ours: 20, asked: 200 },
  batch: { ours: 25, asked: 5000 },
};

const MIB = 1024 * 1024;

/** Machine, versions and date: a figure without them means nothing. */
export function describeRun(): Record<string, string> {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return {
    date: new Date().toISOString(),
    machine: `${cpus().length} x ${cpus()[0]?.model ?? 'unknown processor'}, ${Math.round(totalmem() / 1024 ** 3)} GiB, ${process.platform} ${release()}`,
    load: `load average ${loadavg()[1]?.toFixed(1)}, this run included`,
    node: process.version,
    'memory-hub': `${version} ${gitRevision()}`,
  };
}

function gitRevision(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return '';
  }
}

/** The results as a Markdown table beside the targets. */
export function markdownTable(results: readonly ScenarioResult[], peak: PeakMemory): string {
  const rows = results.map((result) => {
    const target = TARGETS[result.scenario];
    const errors =
      Object.entries(result.errors)
        .map(([status, count]) => `${count} ${status}`)
        .join(', ') || '0';
    const verdict = target
      ? `<= ${target.ours} ms (guide: ${target.asked})${result.p95 <= target.ours ? '' : ', missed'}`
      : '';
    const cells = [
      result.scenario,
      result.calls.toLocaleString('en'),
      Math.round(result.callsPerSecond).toLocaleString('en'),
      ...[result.p50, result.p95, result.p99, result.slowest].map((ms) => ms.toFixed(1)),
      errors,
      verdict,
    ];
    return `| ${cells.join(' | ')} |`;
  });
  return [
    '| scenario | calls | calls/s | p50 ms | p95 ms | p99 ms | max ms | errors | p95 target |',
    '|---|---|---|---|---|---|---|---|---|',
    ...rows,
    ...(peak.largest > 0 ? ['', memoryLine(peak)] : []),
  ].join('\n');
}

function memoryLine({ largest, together, proportional }: PeakMemory): string {
  const mib = (bytes: number) => Math.round(bytes / MIB);
  const all =
    together > largest
      ? `; all processes together ${mib(together)} MiB (target <= 400, guide: 500), ` +
        `${mib(proportional)} with what they share counted once`
      : '';
  return `Server memory at its peak, PostgreSQL apart: ${mib(largest)} MiB (target <= 150 for one process, guide: 500)${all}.`;
}
