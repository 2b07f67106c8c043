import { execFile, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import type { Contender } from './alternate.ts';

const MODULE = 'github.com/bojand/ghz/cmd/ghz@latest';
const ROOT = join(import.meta.dirname, '..');
const LOCAL_BIN = join(ROOT, '.cache', 'bin');

/** What one scenario came to. Latencies in milliseconds. */
export interface ScenarioResult {
  readonly scenario: string;
  readonly tool: string;
  readonly calls: number;
  readonly callsPerSecond: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly slowest: number;
  /** Calls that did not end with OK, by status. */
  readonly errors: Readonly<Record<string, number>>;
  /** Milliseconds of each call, by status; not of the fallback. */
  readonly latencies?: () => Readonly<Record<string, readonly number[]>>;
}

/** Finds ghz on PATH or in the project, or installs it there when Go is on PATH; undefined: no ghz and no Go. */
export function findGhz(): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), LOCAL_BIN];
  const found = folders.map((folder) => join(folder, 'ghz')).find((path) => existsSync(path));
  if (found) return found;
  if (spawnSync('go', ['version']).status !== 0) return undefined;
  console.log(`ghz is not on PATH: go install ${MODULE} into .cache/bin (once, about a minute)`);
  mkdirSync(LOCAL_BIN, { recursive: true });
  const install = spawnSync('go', ['install', MODULE], { env: { ...process.env, GOBIN: LOCAL_BIN }, stdio: 'inherit' });
  return install.status === 0 ? join(LOCAL_BIN, 'ghz') : undefined;
}

/** The parts of ghz' JSON report that are read here; times in nanoseconds. */
interface GhzReport {
  count: number;
  rps: number;
  slowest: number;
  statusCodeDistribution: Record<string, number>;
  latencyDistribution: { percentage: number; latency: number }[] | null;
  details: { latency: number; status: string }[] | null;
}

/** Runs one scenario file of this folder against an address as plain `ghz --config`, with further flags of ghz. */
export function runGhz(
  ghz: string,
  scenario: string,
  address: string,
  flags: readonly string[],
): Promise<ScenarioResult> {
  return ghzRun(ghz, scenario, ['--config', `load/${scenario}.json`, ...flags, address]);
}

/** The same as one of the things that are measured in turn. All but one in a hundred of its calls must end with OK. */
export function ghzContender(
  ghz: string,
  name: string,
  { address, pid }: { readonly address: string; readonly pid: number },
  flags: readonly string[],
): Contender {
  return {
    name,
    pid,
    async run(seconds) {
      const { calls, callsPerSecond, p95, errors } = await ghzRun(ghz, name, [
        ...flags,
        '--duration',
        `${seconds}s`,
        '--duration-stop',
        'wait',
        address,
      ]);
      // Once in some thousands of calls ghz sends the text of a template instead of what it stands for.
      const failed = Object.values(errors).reduce((sum, count) => sum + count, 0);
      if (failed > 1 + calls / 100) throw new Error(`${name}: calls failed: ${JSON.stringify(errors)}`);
      return { units: calls, seconds: calls / callsPerSecond, p95 };
    },
  };
}

/** Runs ghz with these flags and no scenario file. */
export async function ghzRun(ghz: string, scenario: string, flags: readonly string[]): Promise<ScenarioResult> {
  const options = { cwd: ROOT, maxBuffer: 1 << 30 };
  const { stdout } = await promisify(execFile)(ghz, ['--format', 'json', ...flags], options).catch(
    // The error quotes the arguments, and with them the key.
    ({ stderr }: { stderr: string }) => Promise.reject(new Error(`ghz: ${stderr}`)),
  );
  const report = JSON.parse(stdout) as GhzReport;
  const percentile = (percentage: number) =>
    (report.latencyDistribution?.find((entry) => entry.percentage === percentage)?.latency ?? 0) / 1e6;
  const { OK: _ok, ...errors } = report.statusCodeDistribution;
  return {
    scenario,
    tool: 'ghz',
    calls: report.count,
    callsPerSecond: report.rps,
    p50: percentile(50),
    p95: percentile(95),
    p99: percentile(99),
    slowest: report.slowest / 1e6,
    errors,
    latencies: () => {
      const byStatus: Record<string, number[]> = {};
      for (const { latency, status } of report.details ?? []) {
        byStatus[status] ??= [];
        byStatus[status].push(latency / 1e6);
      }
      return byStatus;
    },
  };
}
