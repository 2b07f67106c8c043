import { afterEach, expect, test, vi } from 'vitest';
import { runPiped } from '../../src/tui/piped.ts';
import { LiveSource } from '../../src/tui/source/live.ts';
import { ReplaySource } from '../../src/tui/source/replay.ts';
import type { Report } from '../../src/tui/state/report.ts';
import { initialState } from '../../src/tui/state/state.ts';
import { Store } from '../../src/tui/state/store.ts';
import { BOOT_ID, emptyFrame, methodStats, NOW_MS, trafficFrame } from './support/frames.ts';
import { startStatsServer } from './support/stats-server.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
  vi.restoreAllMocks();
});

const messages = Array.from({ length: 60 }, (_, i) => ({ frame: trafficFrame(60 + i), target: '' }));

async function piped(options: { once: boolean; json?: boolean }, source = replay()) {
  const printed: string[] = [];
  const store = new Store(initialState(source.target, 0));
  const code = await runPiped(store, source, { ...options, print: (text) => void printed.push(text) });
  return { code, printed };
}

function replay(frames: ConstructorParameters<typeof ReplaySource>[0]['messages'] = messages) {
  return new ReplaySource({ target: 'a.rec', messages: frames, speed: 0 });
}

test('--once --json is one object with the methods by name, in milliseconds', async () => {
  const { code, printed } = await piped({ once: true, json: true });
  expect(code).toBe(0);
  expect(printed).toHaveLength(1);
  const report = JSON.parse(printed[0] ?? '') as Report;
  expect(report).toMatchObject({
    at: '2026-11-23T14:22:07.000Z',
    state: 'replaying',
    target: 'a.rec',
    replica: 'hub-1:50051',
    version: '1.4.0',
    boot_id: BOOT_ID,
    restarts: 0,
    frame: 120,
    window_s: 60,
    covered_s: 60,
    postgres: { up: true, pool_max: 10 },
    redis: { up: true },
    connections: 14,
  });
  const get = report.methods.GetMemory;
  const calls = messages.reduce((sum, { frame }) => sum + Number(frame.methods[2]?.completed), 0);
  expect(get).toMatchObject({ count: calls, errors: 0, codes: { OK: calls } });
  expect(get?.rate).toBeCloseTo(calls / 60, 2);
  expect(get?.frame_count).toBe(Number(messages.at(-1)?.frame.methods[2]?.completed));
  const { p50, p95, p99, max } = get ?? {};
  expect([p50, p95, p99, max].map((value) => typeof value)).toEqual(Array(4).fill('number'));
  expect(p50).toBeGreaterThan(0.4);
  expect(p50).toBeLessThan(0.9);
  expect([p50, p95, p99, max]).toEqual([p50, p95, p99, max].sort((a, b) => Number(a) - Number(b)));
  expect(report.methods.WatchStats).toMatchObject({ in_flight: 2, count: 0, p50: null, max: null });
});

test('--json is one object a frame, each on a line of its own', async () => {
  const { printed } = await piped({ once: false, json: true });
  expect(printed).toHaveLength(60);
  expect(printed.join('')).not.toContain('\n');
  const counts = printed.map((line) => (JSON.parse(line) as Report).methods.SaveMemory?.frame_count ?? 0);
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(
    (JSON.parse(printed.at(-1) ?? '') as Report).methods.SaveMemory?.count,
  );
});

test('lines for people name every number', async () => {
  const { printed } = await piped({ once: false });
  expect(printed.at(-1)).toMatch(
    /^14:22:07Z {2}hub-1:50051 {2}LIVE {2}[\d,]+\/s {2}err 0\.\d\d% {2}in flight \d+ {2}p50 \S+ {2}p95 \S+ {2}p99 \S+ {2}max \S+ {2}postgres up \d+\/10 {2}redis up {2}rss 221MB$/,
  );
});

test('--once without JSON is a table of the methods', async () => {
  const { printed } = await piped({ once: true });
  expect(printed).toHaveLength(1);
  expect(printed[0]).toContain('METHOD');
  expect(printed[0]).toMatch(/\nGetMemory +[\d.]+k +\d+ +0% +\d+ +0\.6ms/);
});

test('without a server it ends with a sentence and exit code 1', async () => {
  const server = await startStatsServer({ onWatch: () => [] });
  server.kill();
  const said = vi.spyOn(console, 'error').mockImplementation(() => {});
  const source = new LiveSource({ address: server.address, settings: { intervalMs: 1000, detailMethods: [] } });
  expect(await piped({ once: true, json: true }, source as never)).toEqual({ code: 1, printed: [] });
  expect(said.mock.calls.join('\n')).toContain(
    `${server.address}: UNAVAILABLE connection refused\nIs the server running?`,
  );
});

test('a refused key ends it with a sentence that never holds the key', async () => {
  const server = await startStatsServer({ onWatch: () => ({ code: 16, message: 'the key is not known' }) });
  closers.push(server.kill);
  const said = vi.spyOn(console, 'error').mockImplementation(() => {});
  const source = new LiveSource({
    address: server.address,
    credential: 'mh_key_secret',
    settings: { intervalMs: 1000, detailMethods: [] },
  });
  expect((await piped({ once: false }, source as never)).code).toBe(1);
  expect(said.mock.calls.join('\n')).toContain('UNAUTHENTICATED the key is not known');
  expect(said.mock.calls.join('\n')).not.toContain('secret');
});

test('a server lost later is waited for, and its return goes on with the same numbers', async () => {
  const frame = (ms: number, calls: number) =>
    emptyFrame({
      at: { seconds: BigInt(Math.floor((NOW_MS + ms) / 1000)), nanos: 0 },
      methods: [methodStats('GetMemory', Array(calls).fill(500))],
    });
  const first = await startStatsServer({ onWatch: () => [frame(0, 3)] });
  vi.spyOn(console, 'error').mockImplementation(() => {});
  const source = new LiveSource({ address: first.address, settings: { intervalMs: 1000, detailMethods: [] } });
  const printed: string[] = [];
  const store = new Store(initialState(source.target, NOW_MS));
  const running = runPiped(store, source, {
    once: false,
    json: true,
    print: async (text) => {
      printed.push(text);
      if (printed.length === 1) {
        first.kill();
        const second = await startStatsServer({ port: first.port, onWatch: () => [frame(3000, 4)] });
        closers.push(second.kill);
      } else {
        process.emit('SIGTERM');
      }
    },
  });
  expect(await running).toBe(0);
  expect(printed.map((line) => (JSON.parse(line) as Report).methods.GetMemory?.count)).toEqual([3, 7]);
});
