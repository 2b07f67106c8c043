import { afterEach, expect, test } from 'vitest';
import { Backoff } from '../../src/shared/backoff.ts';
import { LiveSource } from '../../src/tui/source/live.ts';
import type { SourceEvent } from '../../src/tui/state/event.ts';
import { emptyFrame } from './support/frames.ts';
import { type StatsServer, startStatsServer } from './support/stats-server.ts';

const started: { kill(): void }[] = [];
afterEach(() => {
  for (const server of started.splice(0)) server.kill();
});

async function serve(options: Parameters<typeof startStatsServer>[0]): Promise<StatsServer> {
  const server = await startStatsServer(options);
  started.push(server);
  return server;
}

/** Follows a source; `next` gives its events one by one. */
function follow(address: string, change: Partial<ConstructorParameters<typeof LiveSource>[0]> = {}) {
  const stop = new AbortController();
  const source = new LiveSource({
    address,
    credential: 'mh_key_secret',
    settings: { intervalMs: 250, detailMethods: [] },
    backoff: new Backoff({ initialMs: 20, factor: 1.6, maxMs: 100, jitter: 0 }),
    ...change,
  });
  started.push({ kill: () => stop.abort() });
  const events = source.events(stop.signal)[Symbol.asyncIterator]();
  const next = async () => (await events.next()).value as SourceEvent;
  const until = async (what: (event: SourceEvent) => boolean) => {
    for (;;) {
      const event = await next();
      if (what(event)) return event;
    }
  };
  return { source, next, until, stop, events };
}

const isLive = (event: SourceEvent) => event.kind === 'connection' && event.connection.phase === 'live';
const isRetrying = (event: SourceEvent) => event.kind === 'connection' && event.connection.phase === 'retrying';

test('asks for its interval and two minutes of the past, with the key as Bearer', async () => {
  const server = await serve({ onWatch: () => [emptyFrame({ replayed: true }), emptyFrame()] });
  const { next } = follow(server.address);
  expect(await next()).toEqual({ kind: 'connection', connection: { phase: 'live' } });
  expect(await next()).toMatchObject({ kind: 'frame', frame: { replayed: true } });
  expect(await next()).toMatchObject({ kind: 'frame', frame: { replayed: false } });
  expect(server.requests[0]).toMatchObject({
    authorization: 'Bearer mh_key_secret',
    request: { interval: { seconds: 0n, nanos: 250_000_000 }, replay: { seconds: 120n, nanos: 0 } },
  });
});

test('survives a server that is killed and comes back as another one', async () => {
  const first = await serve({ onWatch: () => [emptyFrame({ bootId: 'first' })] });
  const { until } = follow(first.address);
  await until((event) => event.kind === 'frame');
  first.kill();
  expect(await until(isRetrying)).toMatchObject({ connection: { problem: { code: 'UNAVAILABLE' } } });
  await serve({ port: first.port, onWatch: () => [emptyFrame({ bootId: 'second' })] });
  await until(isLive);
  expect(await until((event) => event.kind === 'frame')).toMatchObject({ frame: { bootId: 'second' } });
});

test('says in words why there is no server, and tries again with growing waits', async () => {
  const server = await serve({ onWatch: () => [] });
  server.kill();
  const { next } = follow(server.address, { clock: () => 1000 });
  const waits: number[] = [];
  for (let attempt = 0; attempt < 4; attempt++) {
    const event = await next();
    expect(event).toMatchObject({
      connection: {
        phase: 'retrying',
        problem: { code: 'UNAVAILABLE', text: 'connection refused', advice: /npm start/ },
      },
    });
    if (event.kind === 'connection' && event.connection.phase === 'retrying')
      waits.push(event.connection.retryAtMs - 1000);
  }
  expect(waits.map(Math.round)).toEqual([20, 32, 51, 82]);
});

test('keeps trying when the key is refused, and says so plainly', async () => {
  let refusing = true;
  const server = await serve({
    onWatch: () => (refusing ? { code: 16, message: 'the key is not known' } : [emptyFrame()]),
  });
  const { next, until } = follow(server.address);
  expect(await next()).toMatchObject({
    connection: {
      phase: 'retrying',
      problem: { code: 'UNAUTHENTICATED', text: 'the key is not known', advice: /--key-file/ },
    },
  });
  refusing = false;
  await until(isLive);
});

test('retryNow ends the wait', async () => {
  const server = await serve({ onWatch: () => [] });
  server.kill();
  const { source, next, until } = follow(server.address, {
    backoff: new Backoff({ initialMs: 3_600_000, factor: 1, maxMs: 3_600_000, jitter: 0 }),
  });
  await next();
  await serve({ port: server.port, onWatch: () => [emptyFrame()] });
  source.retryNow();
  await until(isLive);
});

test('another interval or method in detail begins a new stream without a sign of loss', async () => {
  const server = await serve({ onWatch: () => [emptyFrame()] });
  const { source, next, until } = follow(server.address);
  await until((event) => event.kind === 'frame');
  source.configure({ intervalMs: 250, detailMethods: [] });
  source.configure({ intervalMs: 1000, detailMethods: ['SaveMemory'] });
  const event = await next();
  expect(isLive(event)).toBe(true);
  expect(server.requests).toHaveLength(2);
  expect(server.requests[1]?.request).toMatchObject({ interval: { seconds: 1n }, detailMethods: ['SaveMemory'] });
});

test('a stream the server ends is begun again', async () => {
  let streams = 0;
  const server = await serve({ onWatch: () => (++streams === 1 ? { code: 0, message: '' } : [emptyFrame()]) });
  const { next, until } = follow(server.address);
  expect(isRetrying(await next())).toBe(true);
  await until(isLive);
});

test('ends when it is told to, and leaves no stream behind', async () => {
  const server = await serve({ onWatch: () => [emptyFrame()] });
  const { stop, until, events } = follow(server.address);
  await until((event) => event.kind === 'frame');
  stop.abort();
  expect((await events.next()).done).toBe(true);
});

test('totals are asked for while they are wanted, and not before', async () => {
  const server = await serve({ onWatch: () => [emptyFrame()] });
  const { source, until } = follow(server.address);
  await until((event) => event.kind === 'frame');
  expect(server.totalsAsked()).toBe(0);
  // A method opened in detail begins another stream, and the totals come all the same.
  const settings = { intervalMs: 250, detailMethods: ['SaveMemory'] };
  const askedAt = performance.now();
  source.configure({ ...settings, totals: true });
  expect(await until((event) => event.kind === 'totals')).toMatchObject({ totals: { replica: 'hub-1:50051' } });
  source.configure({ ...settings, totals: true });
  source.configure({ ...settings, totals: false });
  expect(server.totalsAsked()).toBe(1);
  expect(performance.now() - askedAt).toBeLessThan(8000);
});
