import { readFileSync } from 'node:fs';
import { alternate, type Contender, type Series } from './alternate.ts';
import { startDatabase } from './database.ts';
import { hasRedis, startRedis } from './floors/redis.ts';
import { runGhz } from './ghz.ts';
import { startNginx } from './nginx.ts';
import { cpuSeconds, familySeconds } from './process.ts';
import { type RestartReport, rollingRestart } from './rolling-restart.ts';
import { startServer, type Target, writeMetadataFile } from './server.ts';
import { withStarted } from './started.ts';

export interface FrontOptions {
  readonly ghz: string;
  /** The program of nginx. */
  readonly nginx: string;
  readonly rounds: number;
  /** Of one scenario on one way in one round. */
  readonly seconds: number;
  /** Only scenarios with this in their name, or "restart"; empty: everything. */
  readonly only: string;
}

/** One scenario on one way. */
export interface Way extends Series {
  /** Microseconds of nginx' processor for one call, of each round. */
  readonly nginxUs: readonly number[];
  /** All calls, the warm-up included. */
  readonly calls: number;
  /** Those that did not end with OK, by status. */
  readonly errors: Readonly<Record<string, number>>;
}

export interface FrontReport {
  readonly scenarios: readonly { readonly scenario: string; readonly through: Way; readonly direct: Way }[];
  readonly restarts: RestartReport | undefined;
}

const SCENARIOS = ['save', 'list', 'get', 'batch', 'export'];

/**
 * Two servers on one PostgreSQL and one Redis, reached through nginx as deploy/nginx.conf has it and, in turn, without
 * it: by two ghz at once with half the callers each, since one knows a single address. Then they are restarted.
 */
export function measureFront({ ghz, nginx, rounds, seconds, only }: FrontOptions): Promise<FrontReport> {
  return withStarted(async (start) => {
    const database = await start(startDatabase());
    const redis = hasRedis() ? await start(startRedis()) : undefined;
    const env = { DATABASE_URL: database.url, ...(redis && { REDIS_URL: redis.url }) };
    const servers: Target[] = [];
    // Those that are there at the end: each is started again.
    await start({ stop: async () => void (await Promise.all(servers.map((server) => server.stop()))) });
    const first = await startServer({ env });
    servers.push(first);
    servers.push(await startServer({ env, credential: first.credential }));
    const addresses = servers.map(({ address }) => address);
    const front = await start(startNginx(nginx, addresses));
    const metadata = ['--metadata-file', writeMetadataFile(first)];
    await runGhz(ghz, 'seed', front.address, metadata);

    const scenarios = [];
    const pids = servers.map(({ pid }) => pid);
    const way = (name: string, scenario: string, to: readonly string[]) =>
      new MeasuredWay({ name, ghz, scenario, metadata, addresses: to, servers: pids, nginx: front.pid });
    for (const scenario of SCENARIOS.filter((name) => name.includes(only))) {
      const ways = [way('through nginx', scenario, [front.address]), way('direct', scenario, addresses)] as const;
      const [through, direct] = await alternate(ways, rounds, seconds);
      if (!through || !direct) continue;
      scenarios.push({ scenario, through: ways[0].with(through), direct: ways[1].with(direct) });
    }
    const restart = async (index: number) => {
      const { address, credential, stop } = servers[index] as Target;
      await stop();
      servers[index] = await startServer({ env: { ...env, MEMORYHUB_LISTEN: address }, credential });
    };
    const restarts = 'restart'.includes(only)
      ? await rollingRestart({ ghz, metadata, address: front.address, credential: first.credential, restart })
      : undefined;
    for (const [said, times] of complaints(front.output())) console.log(`nginx said ${times} times: ${said}`);
    return { scenarios, restarts };
  });
}

/** What nginx logged, without what differs from call to call, and how often. */
function complaints(output: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const line of output.split('\n').filter(Boolean)) {
    const said = line.replace(/^.*?\d+#\d+: (\*\d+ )?/, '').replace(/, client: .*/, '');
    counts.set(said, (counts.get(said) ?? 0) + 1);
  }
  return counts;
}

interface WayOptions {
  readonly name: string;
  readonly ghz: string;
  readonly scenario: string;
  readonly metadata: readonly string[];
  /** Callers and connections of the scenario are divided among them. */
  readonly addresses: readonly string[];
  readonly servers: readonly number[];
  readonly nginx: number;
}

/** A scenario on one way; its processor time is that of both servers, and of nginx apart. */
class MeasuredWay implements Contender {
  readonly name: string;
  readonly pid = 0;
  readonly #options: WayOptions;
  readonly #cpuUs: number[] = [];
  readonly #nginxUs: number[] = [];
  readonly #errors: Record<string, number> = {};
  #calls = 0;

  constructor(options: WayOptions) {
    this.name = options.name;
    this.#options = options;
  }

  async run(seconds: number) {
    const { ghz, scenario, metadata, addresses, servers, nginx } = this.#options;
    const file = JSON.parse(readFileSync(new URL(`${scenario}.json`, import.meta.url), 'utf8')) as Scenario;
    const flags = [...metadata, '--duration', `${seconds}s`];
    flags.push('--concurrency', `${file.concurrency / addresses.length}`);
    flags.push('--connections', `${file.connections / addresses.length}`);
    const serversSeconds = () => servers.reduce((sum, pid) => sum + cpuSeconds(pid), 0);
    const [serversBefore, nginxBefore] = [serversSeconds(), familySeconds(nginx)];
    const results = await Promise.all(addresses.map((address) => runGhz(ghz, scenario, address, flags)));
    const units = results.reduce((sum, { calls }) => sum + calls, 0);
    this.#calls += units;
    this.#cpuUs.push(((serversSeconds() - serversBefore) * 1e6) / units);
    this.#nginxUs.push(((familySeconds(nginx) - nginxBefore) * 1e6) / units);
    for (const { errors } of results) {
      for (const [status, count] of Object.entries(errors)) this.#errors[status] = (this.#errors[status] ?? 0) + count;
    }
    const rate = results.reduce((sum, { callsPerSecond }) => sum + callsPerSecond, 0);
    return { units, seconds: units / rate, p95: Math.max(...results.map(({ p95 }) => p95)) };
  }

  /** What was seen here beside the rates. The first round warmed up. */
  with(series: Series): Way {
    return {
      ...series,
      cpuUs: this.#cpuUs.slice(1),
      nginxUs: this.#nginxUs.slice(1),
      calls: this.#calls,
      errors: this.#errors,
    };
  }
}

interface Scenario {
  readonly concurrency: number;
  readonly connections: number;
}
