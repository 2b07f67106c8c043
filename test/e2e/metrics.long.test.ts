import { randomBytes } from 'node:crypto';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MethodStats } from '../../src/shared/gen/memoryhub/v1/stats_service.ts';
import { MemoryHub } from '../../src/shared/service-client.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { ServerProcess } from '../support/server-process.ts';
import { withWritesLocked } from '../support/writes-locked.ts';
import { httpReceiver, type OtlpReceiver } from '../telemetry/otlp-receiver.ts';
import { metricsUrl, readScrape, type Sample, sampleOf } from '../telemetry/scrape.ts';

const OPENMETRICS = 'application/openmetrics-text;version=1.0.0,text/plain;q=0.5';
const PLANTED = 'planted-words-of-a-memory';
const SAVE = { service: 'memoryhub.v1.MemoryService', method: 'SaveMemory' };

/** An answer is kept for a quarter of a second. */
async function scrape(url: string, accept = OPENMETRICS): Promise<Sample[]> {
  await sleep(300);
  const answer = await fetch(url, { headers: { accept } });
  return readScrape(await answer.text());
}

/** With any method, path and Host, which fetch does not let one choose. */
function ask(url: string, options: { method?: string; path?: string; headers?: Record<string, string> }) {
  return new Promise<{ status: number; headers: IncomingHttpHeaders; body: string }>((resolve, reject) => {
    const call = httpRequest(url, { agent: false, ...options }, (answer) => {
      let body = '';
      answer.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body }));
    });
    call.on('error', reject);
    call.end();
  });
}

/** What GetStats says of a method must be what the scrape does: counts, sums and buckets. */
function expectAgreement(samples: readonly Sample[], stats: MethodStats | undefined): void {
  if (stats?.latency === undefined) throw new Error('the method has no statistics');
  const duration = 'api_request_duration_seconds';
  expect(sampleOf(samples, `${duration}_count`, SAVE).value).toBe(Number(stats.latency.count));
  expect(sampleOf(samples, `${duration}_sum`, SAVE).value).toBe(stats.latency.sum / 1e6);
  expect(sampleOf(samples, `${duration}_bucket`, { ...SAVE, le: '+Inf' }).value).toBe(Number(stats.latency.count));
  for (const code of [0, 3]) {
    const count = stats.codes.find((one) => one.code === code)?.count ?? 0n;
    const label = code === 0 ? 'OK' : 'INVALID_ARGUMENT';
    expect(sampleOf(samples, 'api_requests_total', { ...SAVE, code: label }).value).toBe(Number(count));
  }
  const received = sampleOf(samples, 'memoryhub_rpc_received_bytes_total', SAVE).value;
  expect(received).toBe(Number(stats.bytesReceived));
  const convention = { rpc_system_name: 'grpc', rpc_method: `${SAVE.service}/${SAVE.method}` };
  const semantic = sampleOf(samples, 'rpc_server_call_duration_seconds_sum', convention).value;
  expect(semantic).toBe(stats.latency.sum / 1e6);
}

async function burst(hub: MemoryHub, calls: number): Promise<void> {
  const saves = Array.from({ length: calls }, (_, n) => hub.memories.saveMemory({ memory: { content: `n ${n}` } }));
  const refused = hub.memories.saveMemory({ memory: { content: '' } }).catch(() => undefined);
  await Promise.all([...saves, refused]);
}

async function saveStats(operator: MemoryHub): Promise<MethodStats | undefined> {
  const { totals } = await operator.stats.getStats({});
  return totals?.methods.find(({ method }) => method.endsWith('/SaveMemory'));
}

describe('a server with metrics', () => {
  let database: TestDatabase;
  let receiver: OtlpReceiver;
  let server: ServerProcess;
  let hub: MemoryHub;
  let operator: MemoryHub;
  let url: string;

  beforeAll(async () => {
    [database, receiver] = await Promise.all([createTestDatabase(), httpReceiver()]);
    server = new ServerProcess({
      DATABASE_URL: database.url,
      MEMORYHUB_METRICS_LISTEN: '127.0.0.1:0',
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
    });
    hub = await server.connect();
    operator = await server.connect('operator');
    url = metricsUrl(server.output);
  });
  afterAll(async () => {
    hub?.close();
    operator?.close();
    await server.cleanUp();
    await receiver.close();
    await database.drop();
  });

  it('counts and sums what GetStats counts and sums', async () => {
    await burst(hub, 200);
    expectAgreement(await scrape(url), await saveStats(operator));
    expectAgreement(await scrape(url, 'text/plain'), await saveStats(operator));
  });

  it('counts and sums it while calls go on, and within one scrape every way of counting is the same', async () => {
    let isOver = false;
    const load = Array.from({ length: 8 }, async () => {
      while (!isOver) await hub.memories.saveMemory({ memory: { content: 'meanwhile' } });
    });
    const counted = async () => {
      const { count = 0n, sum = 0 } = (await saveStats(operator))?.latency ?? {};
      return { count: Number(count), sum: sum / 1e6 };
    };
    let moved = 0;
    try {
      for (let round = 0; round < 5; round++) {
        const before = await counted();
        const samples = await scrape(url);
        const after = await counted();
        const count = sampleOf(samples, 'api_request_duration_seconds_count', SAVE).value;
        const sum = sampleOf(samples, 'api_request_duration_seconds_sum', SAVE).value;
        expect(count).toBeGreaterThanOrEqual(before.count);
        expect(count).toBeLessThanOrEqual(after.count);
        expect(sum).toBeGreaterThanOrEqual(before.sum);
        expect(sum).toBeLessThanOrEqual(after.sum);
        const byCode = samples.filter(
          ({ name, labels }) => name === 'api_requests_total' && labels.method === SAVE.method,
        );
        expect(byCode.reduce((all, { value }) => all + value, 0)).toBe(count);
        expect(sampleOf(samples, 'api_request_duration_seconds_bucket', { ...SAVE, le: '+Inf' }).value).toBe(count);
        const started = sampleOf(samples, 'memoryhub_rpc_started_total', SAVE).value;
        expect(started - count).toBe(sampleOf(samples, 'memoryhub_rpc_in_flight', SAVE).value);
        moved += after.count - before.count;
      }
    } finally {
      isOver = true;
      await Promise.all(load);
    }
    expect(moved).toBeGreaterThan(50);
    expectAgreement(await scrape(url), await saveStats(operator));
  });

  it('counts writes that were put off, and what sessions waited for, as GetStats does; the log has the slow call once', async () => {
    const { id } = await hub.memories.saveMemory({ memory: { content: 'hot' } });
    const writes = Array.from({ length: 40 }, (_, n) =>
      hub.memories.saveMemory({ memory: { id, content: `by ${n}` } }),
    );
    await Promise.all(writes);
    let blocked: Promise<unknown> | undefined;
    await withWritesLocked(database.url, async () => {
      const metadata = { 'x-request-id': 'held-up' };
      blocked = hub.memories.saveMemory({ memory: { content: PLANTED } }, { metadata });
      await sleep(2_500);
    });
    await blocked;
    const postgres = async () => (await operator.stats.getStats({})).totals?.postgres;
    const before = await postgres();
    const samples = await scrape(url);
    const after = await postgres();
    expect(before?.putOff).toBeGreaterThan(0n);
    expect(sampleOf(samples, 'memoryhub_postgres_put_off_total').value).toBe(Number(before?.putOff));
    const looks = sampleOf(samples, 'memoryhub_postgres_wait_looks_total').value;
    expect(looks).toBeGreaterThanOrEqual(Number(before?.waitLooks));
    expect(looks).toBeLessThanOrEqual(Number(after?.waitLooks));
    const locks = before?.waits.filter(({ event }) => event.startsWith('Lock ')) ?? [];
    expect(locks.length).toBeGreaterThan(0);
    for (const { event, sessions } of locks) {
      expect(sampleOf(samples, 'memoryhub_postgres_waits_total', { event }).value).toBe(Number(sessions));
    }
    const lines = server.output.split('\n').filter((line) => line.includes('"a call was slow"'));
    const slow = lines.map((line) => JSON.parse(line)).filter(({ request_id }) => request_id === 'held-up');
    expect(slow).toMatchObject([{ method: `${SAVE.service}/${SAVE.method}`, code: 'OK' }]);
    const { elapsed_ms, database_ms } = slow[0];
    expect(elapsed_ms).toBeGreaterThan(2_000);
    expect(database_ms).toBeGreaterThan(0.9 * elapsed_ms);
    expect(server.output).not.toContain(PLANTED);
  });

  it('names the trace of a slow call beside its bucket', async () => {
    const traceId = randomBytes(16).toString('hex');
    const metadata = { traceparent: `00-${traceId}-${randomBytes(8).toString('hex')}-01` };
    await hub.memories.batchSaveMemories(
      { memories: Array.from({ length: 500 }, (_, n) => ({ content: `of a batch ${n}` })) },
      { metadata },
    );
    const buckets = (await scrape(url)).filter(({ labels }) => labels.method === 'BatchSaveMemories');
    const exemplars = buckets.flatMap(({ exemplar }) => exemplar ?? []);
    expect(exemplars).toEqual([expect.stringMatching(new RegExp(`^\\{trace_id="${traceId}"\\} [\\d.]+ [\\d.]+$`))]);
  });

  it('tells of pool, commits, cache, process and connections', async () => {
    const samples = await scrape(url);
    expect(sampleOf(samples, 'memoryhub_postgres_up').value).toBe(1);
    expect(sampleOf(samples, 'memoryhub_postgres_pool_max').value).toBe(60);
    expect(sampleOf(samples, 'memoryhub_postgres_commit_rows_total').value).toBeGreaterThan(700);
    expect(sampleOf(samples, 'memoryhub_streams_stalled').value).toBe(0);
    // Both clients are in this process and share one.
    expect(sampleOf(samples, 'memoryhub_connections').value).toBe(1);
    expect(sampleOf(samples, 'process_memory_usage_bytes', { worker: '0' }).value).toBeGreaterThan(20e6);
    expect(sampleOf(samples, 'nodejs_eventloop_delay_p99_seconds', { worker: '0' }).value).toBeLessThan(15);
    expect(samples.filter(({ name }) => name.startsWith('memoryhub_redis'))).toEqual([]);
  });

  it('answers GET and HEAD of /metrics and nothing else, and nothing that a browser could use', async () => {
    const got = await ask(url, {});
    expect(got).toMatchObject({
      status: 200,
      headers: {
        'content-type': 'text/plain; version=0.0.4; charset=utf-8',
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'referrer-policy': 'no-referrer',
        'content-security-policy': expect.stringContaining("frame-ancestors 'none'"),
      },
    });
    expect(got.headers).not.toHaveProperty('access-control-allow-origin');
    const head = await ask(url, { method: 'HEAD' });
    expect(head).toMatchObject({ status: 200, body: '' });
    for (const path of ['/', '/metrics/', '/../metrics', '/metrics%00', '//metrics']) {
      expect(await ask(url, { path }), path).toMatchObject({ status: 404, headers: { 'cache-control': 'no-store' } });
    }
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
      const answer = await ask(url, { method });
      expect(answer, method).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } });
    }
    expect(await ask(url, { headers: { host: 'rebound.example' } })).toMatchObject({ status: 421 });
    expect(await ask(url, { headers: { 'x-long': 'x'.repeat(20_000) } })).toMatchObject({ status: 431 });
  });

  it('serves calls and scrapers while others open connections and say nothing', async () => {
    const { hostname, port } = new URL(url);
    const silent = Array.from({ length: 100 }, () => connect(Number(port), hostname).on('error', () => undefined));
    await sleep(200);
    await hub.memories.saveMemory({ memory: { content: 'still served' } });
    for (const socket of silent) socket.destroy();
    expect((await scrape(url)).length).toBeGreaterThan(100);
  });

  it('sends the same over OTLP, the last of it as it ends', async () => {
    await burst(hub, 20);
    const stats = await saveStats(operator);
    expect(await server.stop()).toBe(0);
    const ofSaves = (name: string, labels: Record<string, string>) =>
      receiver.metrics
        .get(name)
        ?.points.find(({ attributes }) => Object.entries(labels).every(([key, value]) => attributes[key] === value));
    const path = `${SAVE.service}/${SAVE.method}`;
    const duration = ofSaves('rpc.server.call.duration', { 'rpc.method': path });
    expect(receiver.metrics.get('rpc.server.call.duration')).toMatchObject({ unit: 's', type: 'histogram' });
    expect(duration?.count).toBe(stats?.latency?.count);
    expect(duration?.sum).toBe((stats?.latency?.sum ?? 0) / 1e6);
    expect(duration?.bucketCounts.reduce((sum, count) => sum + count, 0n)).toBe(stats?.latency?.count);
    const ok = stats?.codes.find(({ code }) => code === 0)?.count;
    expect(receiver.metrics.get('api.requests')).toMatchObject({ type: 'sum' });
    expect(ofSaves('api.requests', { ...SAVE, code: 'OK' })?.value).toBe(Number(ok));
    expect(receiver.metrics.get('process.memory.usage')).toMatchObject({ unit: 'By', type: 'gauge' });
  });
});

describe('a server of two workers', () => {
  let database: TestDatabase;
  let receiver: OtlpReceiver;
  let server: ServerProcess;
  let hubs: MemoryHub[];
  let url: string;

  beforeAll(async () => {
    [database, receiver] = await Promise.all([createTestDatabase(), httpReceiver()]);
    server = new ServerProcess({
      DATABASE_URL: database.url,
      MEMORYHUB_WORKERS: '2',
      MEMORYHUB_METRICS_LISTEN: '127.0.0.1:0',
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
    });
    const address = await server.address();
    const own = { channel: { 'grpc.use_local_subchannel_pool': 1 } };
    hubs = Array.from({ length: 4 }, () => new MemoryHub({ address, credential: server.credential(), ...own }));
    url = metricsUrl(server.output);
  });
  afterAll(async () => {
    for (const hub of hubs) hub.close();
    await server.cleanUp();
    await receiver.close();
    await database.drop();
  });

  const savesIn = (samples: readonly Sample[]) =>
    samples.find(
      ({ name, labels }) => name === 'api_requests_total' && labels.method === 'SaveMemory' && labels.code === 'OK',
    )?.value ?? 0;
  const workersIn = (samples: readonly Sample[]) =>
    samples.filter(({ name }) => name === 'process_memory_usage_bytes').map(({ labels }) => labels.worker);

  it('shows both at one place', async () => {
    await Promise.all(hubs.map((hub) => burst(hub, 10)));
    await expect.poll(async () => savesIn(await scrape(url)), { timeout: 5000 }).toBe(40);
    const samples = await scrape(url);
    expect(workersIn(samples).sort()).toEqual(['1', '2']);
    const tables = samples.filter(({ name }) => name === 'memoryhub_postgres_table_rows');
    expect(tables.map(({ labels }) => labels.table)).toEqual(['memories', 'memory_revisions', 'request_log']);
  });

  it('answers every scrape, with counters that never go back, while each worker is killed and replaced', async () => {
    const operator = await server.connect('operator');
    const pidOf = async (worker: number) => {
      const { totals } = await operator.stats.getStats({});
      return totals?.processes.find((one) => one.worker === worker)?.pid;
    };
    let isOver = false;
    const load = hubs.map(async (hub) => {
      while (!isOver) {
        // Calls of a worker that is killed fail.
        await hub.memories.saveMemory({ memory: { content: 'under fire' } }).catch(() => undefined);
        await sleep(2);
      }
    });
    let last: Sample[] = [];
    const scrapes: number[] = [];
    const scraping = (async () => {
      while (!isOver) {
        const samples = await scrape(url);
        expectNoneBack(last, samples);
        last = samples;
        scrapes.push(savesIn(samples));
      }
    })();
    const address = await server.address();
    const told: { at: number; saves: number }[] = [];
    // Over a new connection each time, which may be with either worker.
    const asking = (async () => {
      while (!isOver) {
        const channel = { 'grpc.use_local_subchannel_pool': 1 };
        const asker = new MemoryHub({ address, credential: server.credential('operator'), channel });
        const stats = await saveStats(asker).catch(() => undefined);
        asker.close();
        const saves = Number(stats?.codes.find(({ code }) => code === 0)?.count ?? 0n);
        if (stats !== undefined) told.push({ at: performance.now(), saves });
        await sleep(50);
      }
    })();
    try {
      for (const worker of [1, 2]) {
        await expect.poll(() => pidOf(worker), { timeout: 10_000 }).toBeGreaterThan(1);
        const killed = (await pidOf(worker)) as number;
        process.kill(killed, 'SIGKILL');
        const current = () =>
          pidOf(worker).then(
            (pid) => pid ?? killed,
            () => killed,
          );
        await expect.poll(current, { timeout: 20_000 }).not.toBe(killed);
      }
    } finally {
      isOver = true;
      await Promise.all([scraping, asking, ...load]);
    }
    // Workers learn of one another within a second and a half, those that were just started among them.
    const behind = told.filter(({ at, saves }) =>
      told.some((before) => before.at < at - 1_500 && before.saves > saves),
    );
    expect(behind).toEqual([]);
    expect(told.length).toBeGreaterThan(20);
    expect(scrapes.length).toBeGreaterThan(5);
    expect(scrapes.at(-1)).toBeGreaterThan(scrapes[0] ?? 0);
    operator.close();
  });

  it('sends over OTLP what both counted, the last of it as it ends', async () => {
    await Promise.all(hubs.map((hub) => burst(hub, 5)));
    const before = savesIn(await scrape(url));
    await Promise.all(hubs.map((hub) => burst(hub, 5)));
    expect(await server.stop()).toBe(0);
    const points = receiver.metrics.get('api.requests')?.points ?? [];
    const saves = points.filter(({ attributes }) => attributes.method === 'SaveMemory' && attributes.code === 'OK');
    expect(saves).toHaveLength(1);
    // The first of the two bursts may have been on its way still.
    expect(saves[0]?.value).toBeGreaterThanOrEqual(before + 20);
  });
});

/** What Prometheus takes for a restart of the server, and adds up once more. */
function expectNoneBack(before: readonly Sample[], after: readonly Sample[]): void {
  const keyOf = ({ name, labels }: Sample) => `${name} ${JSON.stringify(labels)}`;
  const counted = before.filter(({ name }) => /_(total|count|sum|bucket)$/.test(name));
  const now = new Map(after.map((sample) => [keyOf(sample), sample.value]));
  expect(counted.filter((sample) => !((now.get(keyOf(sample)) ?? -1) >= sample.value)).map(keyOf)).toEqual([]);
}

it('a port that is taken stops the start with its name', async () => {
  const receiver = await httpReceiver();
  const server = new ServerProcess({ MEMORYHUB_METRICS_LISTEN: new URL(receiver.endpoint).host });
  expect(await server.exit()).toBe(1);
  expect(server.output).toMatch(/cannot serve metrics on 127\.0\.0\.1:\d+ \(EADDRINUSE\): MEMORYHUB_METRICS_LISTEN/);
  await server.cleanUp();
  await receiver.close();
});
