import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { MethodRecorder } from '../../src/server/rpc/call-observer.ts';
import { encodeFrame } from '../../src/server/stats/frame-bytes.ts';
import { StatsHub, type WatchOptions } from '../../src/server/stats/hub.ts';
import { StatsRecorder } from '../../src/server/stats/recorder.ts';
import { TableWatch } from '../../src/server/table-watch.ts';
import { type StatsFrame, WatchStatsResponse } from '../../src/shared/gen/memoryhub/v1/stats_service.ts';
import { appendFrame, emptyFrame } from '../../src/shared/stats-merge.ts';
import { msFromDuration, timestampFromMs } from '../../src/shared/time.ts';
import { callRecord, GET, SAVE } from './call-record.ts';

const EVERY_SECOND: WatchOptions = { intervalMs: 1000, replayMs: 0, methods: [], detailMethods: [] };

let hub: StatsHub;
let recorder: StatsRecorder;
let get: MethodRecorder;
let encoded: number;
let tables: TableWatch | undefined;
const errors: unknown[] = [];

/** So many calls, each of another duration; then time passes. */
async function busy(seconds: number, callsPerSecond: number): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    for (let n = 1; n <= callsPerSecond; n++) {
      get.begin();
      get.end(callRecord({ elapsedUs: n * 100 + second, stagesUs: [0, 1, 1, 1, 1, n, 1] }));
    }
    await vi.advanceTimersByTimeAsync(1000);
  }
}

/** Reads when told to. */
function watch(options: Partial<WatchOptions> = {}) {
  const controller = new AbortController();
  const messages = hub.watch({ ...EVERY_SECOND, ...options }, controller.signal);
  return {
    leave: () => controller.abort(),
    end: () => messages.return(),
    async next(): Promise<StatsFrame | undefined> {
      const { value, done } = await messages.next();
      return done ? undefined : WatchStatsResponse.decode(value).frame;
    },
  };
}

function sumOf(frames: readonly (StatsFrame | undefined)[]): StatsFrame {
  const sum = emptyFrame();
  for (const frame of frames) appendFrame(sum, frame as StatsFrame);
  return sum;
}

/** What is counted: the parts of a frame that do not depend on when it was cut. */
function counts(frame: StatsFrame | undefined) {
  const methods = new Map<string, unknown[]>();
  for (const { method, started, completed, codes, latency, stages } of frame?.methods ?? []) {
    methods.set(method, [started, completed, codes, latency, stages]);
  }
  return { methods, clients: frame?.clients, covered: frame?.covered && Math.round(msFromDuration(frame.covered)) };
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'Date', 'performance'] });
  encoded = 0;
  errors.length = 0;
  tables = undefined;
  recorder = new StatsRecorder({ tables: () => tables?.take() });
  const [getRecorder] = recorder.methods([GET, SAVE]);
  if (getRecorder === undefined) throw new Error('a recorder for each path');
  get = getRecorder;
  hub = new StatsHub({
    source: recorder,
    identity: { bootId: 'boot-1', replica: 'hub-1:50051', version: '0.1.0', bootTime: timestampFromMs(Date.now()) },
    onError: (error) => errors.push(error),
    encode: (frame) => {
      encoded++;
      return encodeFrame(frame);
    },
  });
  hub.start();
});

afterEach(() => {
  hub.close();
  recorder.close();
  vi.useRealTimers();
  expect(errors).toEqual([]);
});

describe('hub', () => {
  it('encodes a frame once for all watchers of a class, and numbers it for each', async () => {
    const watchers = [watch(), watch(), watch()];
    const first = Promise.all(watchers.map((watcher) => watcher.next()));
    await busy(1, 5);
    await first;
    const late = watch();
    const lateFirst = late.next();
    encoded = 0;
    for (let second = 0; second < 4; second++) {
      const frames = Promise.all(watchers.map((watcher) => watcher.next()));
      await busy(1, 5);
      expect((await frames).map((frame) => frame?.sequence)).toEqual(Array(3).fill(BigInt(second + 2)));
    }
    // One a second for the class, and one for the newcomer, whose first stretch is its own.
    expect((await lateFirst)?.sequence).toBe(1n);
    expect(encoded).toBe(5);
  });

  it('encodes apart what was asked for apart', async () => {
    const all = watch();
    const one = watch({ methods: ['GetMemory'] });
    const detailed = watch({ methods: ['MemoryService/GetMemory'], detailMethods: ['GetMemory'] });
    const none = watch({ methods: ['SaveMemory'] });
    const frames = Promise.all([all.next(), one.next(), detailed.next(), none.next()]);
    await busy(1, 12);
    const [a, b, c, d] = await frames;
    expect(a?.methods).toEqual(b?.methods);
    expect(b?.methods[0]).toMatchObject({ started: 12n, stages: [], slowest: [] });
    expect(c?.methods[0]?.stages).toHaveLength(6);
    expect(c?.methods[0]?.slowest).toHaveLength(10);
    expect(d?.methods).toEqual([]);
  });

  it('sends a slow watcher the sum of what it missed', async () => {
    const fast = watch();
    const slow = watch();
    const seen: (StatsFrame | undefined)[] = [];
    const firstOfSlow = slow.next();
    for (let second = 0; second < 8; second++) {
      const frame = fast.next();
      await busy(1, 10 + second);
      seen.push(await frame);
    }
    expect(counts(await firstOfSlow)).toEqual(counts(seen[0]));
    const merged = await slow.next();
    expect(merged).toMatchObject({ sequence: 2n, merged: 7 });
    expect(counts(merged)).toEqual(counts(sumOf(seen.slice(1))));
    const next = slow.next();
    await busy(1, 1);
    expect(await next).toMatchObject({ sequence: 3n, merged: 1 });
  });

  it('holds one frame, however long, for a watcher that never reads', async () => {
    const sizeAfter = async (seconds: number): Promise<number> => {
      const stuck = watch();
      const first = stuck.next();
      await busy(1, 3);
      await first;
      for (let second = 0; second < seconds; second++) {
        recorder.event(1, 'an event with a text of some length');
        for (let n = 0; n < 20; n++) {
          get.begin();
          get.end(callRecord({ keyId: `${second}-${n}`, elapsedUs: 1 + ((second * 20 + n) % 5000) }));
        }
        await vi.advanceTimersByTimeAsync(1000);
      }
      const frame = await stuck.next();
      expect(frame?.merged).toBe(seconds);
      await stuck.end();
      return encodeFrame(frame as StatsFrame).length;
    };
    const after150 = await sizeAfter(150);
    const after450 = await sizeAfter(450);
    // Numbers get longer by a digit; nothing gets more.
    expect(after450).toBeLessThan(after150 * 1.1);
  });

  it('has totals that are the sum of all frames, replayed ones included', async () => {
    await busy(7, 20);
    recorder.statement('get_by_ids', performance.now() - 3, 1, false);
    await vi.advanceTimersByTimeAsync(400);
    const watcher = watch({ replayMs: 120_000, detailMethods: ['GetMemory'] });
    const frames = [await watcher.next()];
    await busy(3, 7);
    for (;;) {
      const frame = await watcher.next();
      frames.push(frame);
      if (!frame?.replayed) break;
    }
    const next = watcher.next();
    await vi.advanceTimersByTimeAsync(1000);
    frames.push(await next);
    expect(frames.map((frame) => frame?.replayed)).toEqual([...Array(8).fill(true), false, false]);
    expect(frames.map((frame) => frame?.sequence)).toEqual(frames.map((_, i) => BigInt(i + 1)));
    const sum = sumOf(frames);
    const totals = hub.totals();
    expect(counts(sum).methods).toEqual(counts(totals).methods);
    expect(sum.clients).toMatchObject([{ calls: 161n }]);
    expect(totals.clients).toMatchObject([{ calls: 161n }]);
    expect(sum.statements).toEqual(totals.statements);
    expect(totals).toMatchObject({ bootId: 'boot-1', replica: 'hub-1:50051', version: '0.1.0', merged: 1 });
    expect(totals.covered && Math.round(msFromDuration(totals.covered))).toBe(11_400);
    expect(sum.covered).toEqual({ ...sum.covered, seconds: 11n });
  });

  it('replays no more than it was asked for and no more than two minutes', async () => {
    await busy(130, 1);
    const replayed = async (replayMs: number): Promise<number> => {
      const watcher = watch({ replayMs });
      let frames = 0;
      let frame = await watcher.next();
      for (; frame?.replayed; frames++) {
        const next = watcher.next();
        await vi.advanceTimersByTimeAsync(1000);
        frame = await next;
      }
      await watcher.end();
      return frames;
    };
    // The last one is the second under way.
    expect(await replayed(5000)).toBe(6);
    expect(await replayed(120_000)).toBe(121);
  });

  it('gives a newcomer nothing that happened before it came, and everything after', async () => {
    const old = watch({ intervalMs: 2500 });
    const oldFrame = old.next();
    await busy(1, 50);
    const late = watch({ intervalMs: 2500 });
    const lateFrame = late.next();
    await busy(1, 8);
    await vi.advanceTimersByTimeAsync(500);
    expect((await oldFrame)?.methods.map(({ started }) => started)).toEqual([58n]);
    expect((await lateFrame)?.methods.map(({ started }) => started)).toEqual([8n]);
    const both = Promise.all([old.next(), late.next()]);
    await busy(3, 4);
    const [a, b] = await both;
    expect(a?.methods.map(({ started }) => started)).toEqual(b?.methods.map(({ started }) => started));
  });

  it('has one timer when nobody watches, and another only for intervals of its own', async () => {
    expect(vi.getTimerCount()).toBe(1);
    const whole = watch();
    const fast = [watch({ intervalMs: 100 }), watch({ intervalMs: 100 })];
    const frames = Promise.all([whole, ...fast].map((watcher) => watcher.next()));
    expect(vi.getTimerCount()).toBe(2);
    await vi.advanceTimersByTimeAsync(1000);
    await frames;
    for (const watcher of fast) await watcher.end();
    expect(vi.getTimerCount()).toBe(1);
    await whole.end();
    expect(hub.totals().connections?.watchers).toBe(0);
  });

  it('lets go of a watcher that leaves while it waits', async () => {
    const watcher = watch({ intervalMs: 60_000 });
    const waiting = watcher.next();
    await vi.advanceTimersByTimeAsync(100);
    expect(hub.totals().connections?.watchers).toBe(1);
    watcher.leave();
    expect(await waiting).toBeUndefined();
    expect(hub.totals().connections?.watchers).toBe(0);
  });

  it('sends the last numbers when it is closed, ends every watcher, and takes no more', async () => {
    const waiting = watch();
    const behind = watch();
    const frames = [waiting.next(), behind.next()];
    await busy(1, 3);
    await Promise.all(frames);
    const last = waiting.next();
    get.begin();
    hub.close();
    for (const frame of [await last, await behind.next()]) {
      expect(frame?.methods.map(({ started }) => started)).toContain(1n);
    }
    expect(await waiting.next()).toBeUndefined();
    expect(await behind.next()).toBeUndefined();
    expect(await watch().next()).toBeUndefined();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('tells table sizes every ten seconds, and newcomers the last ones', async () => {
    let asked = 0;
    tables = new TableWatch(async () => {
      asked++;
      if (asked === 2) throw new Error('the database is away');
      const indexes = [{ name: 'memories_pkey', bytes: 4096, scans: 7 }];
      const size = { name: 'memories', rowEstimate: asked, tableBytes: 8192, indexBytes: 4096n };
      return [{ ...size, deadRows: 3, sequentialScans: 2, indexes }];
    });
    await busy(9, 0);
    expect(asked).toBe(1);
    await busy(7, 0);
    expect(asked).toBe(2);
    const watcher = watch();
    const first = watcher.next();
    await vi.advanceTimersByTimeAsync(1000);
    expect((await first)?.tables).toMatchObject([
      {
        rowEstimate: 1n,
        tableBytes: 8192n,
        indexBytes: 4096n,
        deadRows: 3n,
        sequentialScans: 2n,
        indexes: [{ name: 'memories_pkey', bytes: 4096n, scans: 7n }],
      },
    ]);
    const second = watcher.next();
    await vi.advanceTimersByTimeAsync(1000);
    expect((await second)?.tables).toEqual([]);
    expect(hub.totals().tables).toMatchObject([{ name: 'memories' }]);
    tables.close();
  });
});

describe('numbers that come later than the beat', () => {
  /** As of several workers: at first nothing is known of them. */
  let isReady: boolean;
  beforeEach(() => {
    isReady = false;
    hub.close();
    hub = new StatsHub({
      source: { drain: () => (isReady ? recorder.drain() : undefined) },
      identity: { bootId: 'b', replica: 'host:1', version: 'v', bootTime: timestampFromMs(0) },
      onError: (error) => errors.push(error),
    });
    hub.start();
  });

  it('no frame tells of a server without a name, neither live nor replayed nor in the totals', async () => {
    const monitor = watch({ replayMs: 10_000 });
    const first = monitor.next();
    await busy(2, 3);
    expect(hub.totals()).toMatchObject({ replica: 'host:1' });
    isReady = true;
    await busy(1, 3);
    isReady = false;
    expect(await first).toMatchObject({ replica: 'host:1', replayed: false });
    await busy(1, 3);
    const late = watch({ replayMs: 10_000 });
    expect(await late.next()).toMatchObject({ replica: 'host:1', replayed: true });
    const next = late.next();
    await busy(1, 1);
    isReady = true;
    await busy(1, 1);
    expect(await next).toMatchObject({ replica: 'host:1', replayed: false });
    const { replica, methods } = hub.totals();
    expect({ replica, completed: methods.map(({ completed }) => completed) }).toEqual({
      replica: 'host:1',
      completed: [14n],
    });
    for (const each of [monitor, late]) each.leave();
  });
});
