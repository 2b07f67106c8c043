import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { dump, load } from 'js-yaml';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { testRedis } from '../support/redis.ts';
import { ServerProcess, temporaryFolder } from '../support/server-process.ts';
import { withWritesLocked } from '../support/writes-locked.ts';
import { httpReceiver, type OtlpReceiver } from '../telemetry/otlp-receiver.ts';
import { metricsUrl } from '../telemetry/scrape.ts';

const DEPLOY = join(import.meta.dirname, '..', '..', 'deploy');
const hasPrometheus = ['prometheus', 'promtool'].every(
  (program) => spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0,
);
if (!hasPrometheus) {
  if (process.env.CI) throw new Error('prometheus and promtool are not installed: apt-get install prometheus');
  console.warn('SKIPPED: test/e2e/prometheus.long.test.ts needs prometheus and promtool (apt-get install prometheus)');
}

const TRACE_ID = 'a'.repeat(32);

interface Dashboard {
  readonly panels: readonly { readonly title: string; readonly targets: readonly { readonly expr: string }[] }[];
}
interface Rule {
  readonly alert: string;
  readonly expr: string;
}

const rules = (
  load(readFileSync(join(DEPLOY, 'prometheus', 'rules.yml'), 'utf8')) as { groups: { rules: Rule[] }[] }
).groups.flatMap((group) => group.rules);
const dashboard = JSON.parse(
  readFileSync(join(DEPLOY, 'grafana', 'dashboards', 'memory-hub.json'), 'utf8'),
) as Dashboard;

/** What a query names, without labels, functions and keywords. */
function metricsOf(expr: string): string[] {
  const bare = expr.replace(/\{[^}]*\}|\[[^\]]*\]|\b(by|on|without)\s*\([^)]*\)/g, ' ');
  return [...bare.matchAll(/\b[a-z_][\w:]*\b(?!\s*\()/gi)]
    .map(([name]) => name)
    .filter((name) => !/^(e?\d+|e6|and|or|unless|by|ALERTS)$/.test(name));
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address ? address.port : 0;
}

describe.skipIf(!hasPrometheus)('the shipped rules', () => {
  it('and configuration are valid, and raise what they should and nothing else', () => {
    const inRules = { cwd: join(DEPLOY, 'prometheus'), encoding: 'utf8' } as const;
    for (const args of [
      ['check', 'rules', 'rules.yml'],
      ['check', 'config', 'prometheus.yml'],
      ['test', 'rules', 'rules.test.yml'],
    ]) {
      expect(execFileSync('promtool', args, inRules)).toContain('SUCCESS');
    }
  });
});

describe.skipIf(!hasPrometheus)('a Prometheus that scrapes a server', () => {
  const redis = testRedis();
  let database: TestDatabase;
  let receiver: OtlpReceiver;
  let server: ServerProcess;
  let prometheus: ChildProcess;
  let base: string;
  const folder = temporaryFolder();

  const query = async <T>(path: string): Promise<T> => {
    const answer = await fetch(`${base}/api/v1/${path}`).catch(() => undefined);
    return ((await answer?.json()) as { data?: T } | undefined)?.data as T;
  };
  const valuesOf = async (expr: string) =>
    (
      await query<{ result: { metric: Record<string, string>; value: [number, string] }[] }>(
        `query?query=${encodeURIComponent(expr)}`,
      )
    )?.result ?? [];

  beforeAll(async () => {
    [database, receiver] = await Promise.all([createTestDatabase(), httpReceiver()]);
    server = new ServerProcess({
      DATABASE_URL: database.url,
      REDIS_URL: redis(),
      MEMORYHUB_METRICS_LISTEN: '127.0.0.1:0',
      MEMORYHUB_RATE_LIMIT_KEY: '20',
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
      OTEL_METRICS_EXPORTER: 'none',
    });
    const hub = await server.connect();
    const { id } = await hub.memories.saveMemory({ memory: { content: 'scraped', metadata: { token: 'sealed' } } });
    await hub.memories.getMemory({ target: { $case: 'id', value: id } });
    const metadata = { traceparent: `00-${TRACE_ID}-${'b'.repeat(16)}-01` };
    await hub.memories.batchSaveMemories({ memories: [{ content: 'one' }, { content: 'two' }] }, { metadata });
    await hub.memories.saveMemory({ memory: { content: '' } }).catch(() => undefined);
    // What a healthy server has no samples of: sessions that wait, and calls turned away.
    let waiting: Promise<unknown> | undefined;
    await withWritesLocked(database.url, async () => {
      waiting = hub.memories.saveMemory({ memory: { content: 'waits for a lock' } });
      await sleep(2_500);
    });
    await waiting;
    await Promise.allSettled(Array.from({ length: 100 }, () => hub.memories.getStorageInfo({})));
    hub.close();

    cpSync(join(DEPLOY, 'prometheus'), folder, { recursive: true });
    const config = load(readFileSync(join(folder, 'prometheus.yml'), 'utf8')) as {
      global: object;
      scrape_configs: [{ static_configs: [{ targets: string[] }] }];
    };
    config.global = { scrape_interval: '1s', evaluation_interval: '1s' };
    config.scrape_configs[0].static_configs[0].targets = [new URL(metricsUrl(server.output)).host];
    writeFileSync(join(folder, 'prometheus.yml'), dump(config));
    const port = await freePort();
    base = `http://127.0.0.1:${port}`;
    const flags = [`--web.listen-address=127.0.0.1:${port}`, `--storage.tsdb.path=${join(folder, 'data')}`];
    prometheus = spawn('prometheus', ['--config.file=prometheus.yml', '--enable-feature=exemplar-storage', ...flags], {
      cwd: folder,
      stdio: 'ignore',
    });
    await vi.waitUntil(async () => (await valuesOf('memoryhub_build_info')).length === 1, {
      timeout: 30_000,
      interval: 500,
    });
  });
  afterAll(async () => {
    if (prometheus?.kill()) await once(prometheus, 'exit');
    await server?.cleanUp();
    await receiver?.close();
    await database?.drop();
    rmSync(folder, { recursive: true });
  });

  it('takes every sample, in OpenMetrics, and finds the server healthy', async () => {
    const { activeTargets } = await query<{ activeTargets: { health: string; lastError: string }[] }>('targets');
    expect(activeTargets).toMatchObject([{ health: 'up', lastError: '' }]);
    expect(await valuesOf('api_requests_total{method="SaveMemory",code="INVALID_ARGUMENT"}')).toMatchObject([
      { value: [expect.any(Number), '1'] },
    ]);
    const metadata = await query<Record<string, { type: string; unit: string }[]>>('metadata');
    expect(metadata.api_request_duration_seconds).toMatchObject([{ type: 'histogram', unit: 'seconds' }]);
  });

  it('keeps the trace of a call beside the bucket it lies in', async () => {
    type Series = { seriesLabels: Record<string, string>; exemplars: { labels: Record<string, string> }[] };
    const now = Date.now() / 1000;
    const path = `query_exemplars?query=api_request_duration_seconds_bucket&start=${now - 600}&end=${now}`;
    const batches = async () =>
      (await query<Series[]>(path))
        .filter(({ seriesLabels }) => seriesLabels.method === 'BatchSaveMemories')
        .flatMap(({ exemplars }) => exemplars.map(({ labels }) => labels.trace_id));
    await expect.poll(async () => new Set(await batches()), { timeout: 10_000 }).toEqual(new Set([TRACE_ID]));
  });

  it('evaluates every rule without an error', async () => {
    type Group = { rules: { name: string; health: string }[] };
    const evaluated = async () => (await query<{ groups: Group[] }>('rules'))?.groups.flatMap((group) => group.rules);
    await expect
      .poll(async () => (await evaluated())?.map(({ name, health }) => [name, health]), { timeout: 20_000 })
      .toEqual(rules.map(({ alert }) => [alert, 'ok']));
  });

  it('knows every metric that a rule or a panel names', async () => {
    const named = new Set(
      [
        ...rules.map(({ expr }) => expr),
        ...dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
      ].flatMap(metricsOf),
    );
    expect(named.size).toBeGreaterThan(30);
    const known = new Set(await query<string[]>('label/__name__/values'));
    expect([...named].filter((name) => !known.has(name))).toEqual([]);
    expect(metricsOf('sum by (le) (rate(planted_metric{a="b"}[5m])) > 0.2')).toEqual(['planted_metric']);
  });

  it('can run every panel’s query', async () => {
    for (const { title, targets } of dashboard.panels) {
      for (const { expr } of targets) {
        const text = expr.replaceAll('$__rate_interval', '1m').replaceAll('$instance', '.*');
        const answer = await fetch(`${base}/api/v1/query?query=${encodeURIComponent(text)}`);
        expect(answer.status, `${title}: ${text}`).toBe(200);
      }
    }
  });

  it('raises the alert of a server that is gone', async () => {
    await server.stop();
    const state = async () =>
      (await valuesOf('ALERTS{alertname="MemoryHubDown"}')).map(({ metric }) => metric.alertstate);
    await expect.poll(state, { timeout: 20_000 }).toEqual(['pending']);
  });
});
