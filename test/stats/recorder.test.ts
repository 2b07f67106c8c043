import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { CallRecord, MethodRecorder } from '../../src/server/rpc/call-observer.ts';
import type { GaugeSources } from '../../src/server/stats/gauges.ts';
import { StatsRecorder } from '../../src/server/stats/recorder.ts';
import { EventKind, StatsFrame } from '../../src/shared/gen/memoryhub/v1/stats_service.ts';
import { LatencyHistogram } from '../../src/shared/histogram.ts';
import { appendFrame, emptyFrame, FRAME_LIMITS, OTHER_CLIENTS } from '../../src/shared/stats-merge.ts';
import { callRecord, GET, SAVE } from './call-record.ts';

const recorders: StatsRecorder[] = [];

function endCall(method: MethodRecorder, fields: Partial<CallRecord> = {}): void {
  method.begin();
  method.end(callRecord(fields));
}

function makeRecorder(gauges: GaugeSources = {}) {
  const recorder = new StatsRecorder(gauges);
  recorders.push(recorder);
  const [get, save] = recorder.methods([GET, SAVE]);
  if (get === undefined || save === undefined) throw new Error('a recorder for each path');
  return { recorder, get, save };
}

afterEach(() => {
  for (const recorder of recorders.splice(0)) recorder.close();
});

describe('recorder', () => {
  it('counts every one of many concurrent calls once, however often it is drained meanwhile', async () => {
    const { recorder, get, save } = makeRecorder();
    const sum = emptyFrame();
    const exact = new LatencyHistogram();
    const call = async (n: number): Promise<void> => {
      const method = n % 3 === 0 ? save : get;
      method.begin();
      for (let turn = 0; turn < n % 5; turn++) await nextTurn();
      if (method === get) exact.record(n);
      const stagesUs = [0, 1, 2, 3, 0, 5, 6];
      method.end(callRecord({ elapsedUs: n, code: n % 7 === 0 ? 5 : 0, keyId: `key-${n % 4}`, stagesUs }));
    };
    const calls = Array.from({ length: 5000 }, (_, n) => call(n + 1));
    for (let drains = 0; drains < 4; drains++) {
      await nextTurn();
      appendFrame(sum, recorder.drain());
    }
    await Promise.all(calls);
    appendFrame(sum, recorder.drain());

    const [gets, saves] = sum.methods;
    expect(gets).toMatchObject({
      method: 'memoryhub.v1.MemoryService/GetMemory',
      started: 3334n,
      completed: 3334n,
      inFlight: 0n,
      bytesReceived: 33_340n,
      bytesSent: 333_400n,
      messagesSent: 3334n,
    });
    expect(saves).toMatchObject({ started: 1666n, completed: 1666n, inFlight: 0n });
    expect(gets?.latency).toEqual(exact.toWire());
    expect(gets?.codes.toSorted((a, b) => a.code - b.code)).toEqual([
      { code: 0, count: 2858n },
      { code: 5, count: 476n },
    ]);
    expect(gets?.stages.map(({ stage, latency }) => [stage, latency?.count])).toEqual([
      [1, 3334n],
      [2, 3334n],
      [3, 3334n],
      [5, 3334n],
      [6, 3334n],
    ]);
    const failedOf = (key: number): number => calls.filter((_, i) => (i + 1) % 4 === key && (i + 1) % 7 === 0).length;
    expect(sum.clients.map(({ keyId, calls, errors }) => [keyId, calls, errors]).toSorted()).toEqual(
      [0, 1, 2, 3].map((key) => [`key-${key}`, 1250n, BigInt(failedOf(key))]),
    );
  });

  it('tells what is in flight, and leaves out methods that were never called', () => {
    const { recorder, get } = makeRecorder();
    get.begin();
    get.begin();
    expect(recorder.drain().methods).toMatchObject([{ started: 2n, completed: 0n, inFlight: 2n }]);
    get.end(callRecord());
    expect(recorder.drain().methods).toMatchObject([{ started: 0n, completed: 1n, inFlight: 1n }]);
  });

  it('keeps the slowest calls with their stages and trace, slowest first', () => {
    const { recorder, get } = makeRecorder();
    for (let n = 1; n <= 100; n++) {
      const elapsedUs = ((n * 37) % 101) * 1000;
      endCall(get, { elapsedUs, traceId: `trace-${elapsedUs}`, stagesUs: [0, 1, 2, 3, 4, elapsedUs - 10, 6] });
    }
    const slowest = recorder.drain().methods[0]?.slowest ?? [];
    expect(slowest.map((call) => call.duration?.nanos)).toEqual(
      [100, 99, 98, 97, 96, 95, 94, 93, 92, 91].map((ms) => ms * 1e6),
    );
    expect(slowest[0]).toMatchObject({ traceId: 'trace-100000', stageUs: [1n, 2n, 3n, 4n, 99_990n, 6n] });
    endCall(get, { elapsedUs: 5 });
    expect(recorder.drain().methods[0]?.slowest).toHaveLength(1);
  });

  it('holds a bounded number of clients and counts the rest as one', () => {
    const { recorder, get } = makeRecorder();
    for (let n = 0; n < 1000; n++) endCall(get, { keyId: '', keyName: '', peer: `10.0.${n >> 8}.${n & 255}` });
    const { clients } = recorder.drain();
    expect(clients).toHaveLength(FRAME_LIMITS.clients);
    expect(clients.at(-1)).toMatchObject({ keyName: OTHER_CLIENTS, calls: 1000n - 255n });
    expect(recorder.drain().clients).toEqual([]);
  });

  it('shows an open stream in every frame until it is closed, wherever it was counted', () => {
    const { recorder, get } = makeRecorder();
    get.streamOpened('k', 'watcher', 'a');
    expect(recorder.drain().clients).toMatchObject([{ keyId: 'k', keyName: 'watcher', calls: 0n, streams: 1n }]);
    for (let n = 0; n < FRAME_LIMITS.clients; n++) endCall(get, { peer: `p${n}` });
    get.streamOpened('late', 'late', 'b');
    expect(recorder.drain().clients.find(({ keyName }) => keyName === OTHER_CLIENTS)?.streams).toBe(1n);
    get.streamClosed('k', 'watcher', 'a');
    get.streamClosed('late', 'late', 'b');
    recorder.drain();
    expect(recorder.drain().clients).toEqual([]);
  });

  it('tells the calls it turned away from those that failed', () => {
    const { recorder, get } = makeRecorder();
    for (const code of [0, 5, 7, 8, 14, 16]) endCall(get, { code });
    expect(recorder.drain().clients).toMatchObject([{ calls: 6n, errors: 5n, refused: 3n }]);
    expect(recorder.drain().clients).toEqual([]);
  });

  it('does not count a cancelled call as the client’s error', () => {
    const { recorder, get } = makeRecorder();
    for (const code of [0, 1, 5, 13]) endCall(get, { code });
    expect(recorder.drain().clients).toMatchObject([{ calls: 4n, errors: 2n }]);
  });

  it('adds statements up by kind, and all of them to the time of queries', () => {
    const gauges = { up: true, poolMax: 8, poolSize: 2, poolBusy: 1, poolWaiting: 0, commitQueue: 0 };
    const { recorder } = makeRecorder({
      postgres: () => ({ ...gauges, lost: 0, commitRows: 0, commits: 0, putOff: 0 }),
    });
    const now = performance.now();
    recorder.statement('get_by_ids', now - 2, 3, false);
    recorder.statement('get_by_ids', now - 4, 0, true);
    recorder.statement('write_batch', now - 9, 32, false);
    const frame = recorder.drain();
    expect(frame.statements).toMatchObject([
      { kind: 'get_by_ids', rows: 3n, errors: 1n },
      { kind: 'write_batch', rows: 32n, errors: 0n },
    ]);
    expect(frame.statements.map(({ latency }) => latency?.count)).toEqual([2n, 1n]);
    expect(frame.postgres?.query?.count).toBe(3n);
    expect(frame.postgres?.query?.max).toBeGreaterThanOrEqual(9000);
    expect(recorder.drain()).toMatchObject({ statements: [], postgres: { query: undefined } });
  });

  it('turns counts since the start into counts since the last frame, and leaves gauges as they are', () => {
    let lookups = 0;
    const cache = () => {
      lookups += 10;
      return { localHits: lookups, redisHits: 0, misses: lookups / 2, refusedFills: 0, ...cacheSize };
    };
    const cacheSize = { localEntries: 7, localBytes: 700, localMaxBytes: 1000 };
    const { recorder } = makeRecorder({ cache });
    recorder.drain();
    recorder.drain();
    expect(recorder.drain().cache).toMatchObject({ localHits: 10n, misses: 5n, localEntries: 7n, localBytes: 700n });
    expect(recorder.drain().redis).toBeUndefined();
  });

  it('makes frames that can be encoded whatever numbers the sources give', () => {
    const { recorder, get } = makeRecorder({
      connections: () => ({ connections: Number.NaN, streams: 1.5 }),
      redis: () => ({ up: true, errors: Number.NaN, usedBytes: Number.POSITIVE_INFINITY, keys: -1, maxBytes: 0.5 }),
    });
    endCall(get, { elapsedUs: Number.NaN, code: 99, bytesSent: Number.NaN, stagesUs: [] });
    recorder.statement('kind', performance.now(), Number.NaN, false);
    const frame = StatsFrame.decode(StatsFrame.encode(recorder.drain()).finish());
    expect(frame.connections).toMatchObject({ connections: 0, streams: 2 });
    expect(frame.methods[0]?.codes).toEqual([{ code: 2, count: 1n }]);
  });

  it('carries events and refusals once', () => {
    const { recorder } = makeRecorder();
    recorder.event(EventKind.REDIS_LOST, 'Redis does not answer');
    recorder.shed('OVERLOADED');
    recorder.shed('OVERLOADED');
    expect(recorder.drain()).toMatchObject({
      events: [{ kind: EventKind.REDIS_LOST, text: 'Redis does not answer' }],
      shed: [{ reason: 'OVERLOADED', count: 2n }],
    });
    expect(recorder.drain()).toMatchObject({ events: [], shed: [] });
  });

  it('says what the process takes', async () => {
    const { recorder } = makeRecorder();
    const until = performance.now() + 30;
    while (performance.now() < until) JSON.stringify({ busy: [1, 2, 3] });
    await nextTurn();
    const [process_] = recorder.drain().processes;
    expect(process_).toMatchObject({ pid: process.pid, worker: 0 });
    expect(process_?.cpu).toBeGreaterThan(0);
    expect(Number(process_?.rssBytes)).toBeGreaterThan(Number(process_?.heapUsedBytes));
  });
});
