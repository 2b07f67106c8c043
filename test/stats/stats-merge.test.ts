import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StatsFrame } from '../../src/shared/gen/memoryhub/v1/stats_service.ts';
import { LatencyHistogram } from '../../src/shared/histogram.ts';
import { appendFrame, emptyFrame, FRAME_LIMITS, joinFrame, OTHER_CLIENTS } from '../../src/shared/stats-merge.ts';
import { durationFromMs, msFromDuration, timestampFromMs } from '../../src/shared/time.ts';

const count = fc.integer({ min: 0, max: 1000 });

const frameOf = fc
  .record({
    method: fc.constantFrom('a/Get', 'a/Save', 'a/List'),
    latencies: fc.array(fc.integer({ min: 0, max: 5_000_000 }), { maxLength: 20 }),
    code: fc.constantFrom(0, 5, 14),
    calls: count,
    keyId: fc.constantFrom('k1', 'k2', 'k3'),
    ms: fc.integer({ min: 1, max: 5000 }),
    hits: count,
    poolBusy: count,
  })
  .map((parts): StatsFrame => {
    const latency = new LatencyHistogram();
    for (const us of parts.latencies) latency.record(us);
    const histogram = parts.latencies.length > 0 ? latency.toWire() : undefined;
    return deepFreeze(
      StatsFrame.fromPartial({
        merged: 1,
        at: timestampFromMs(parts.ms),
        covered: durationFromMs(parts.ms),
        methods: [
          {
            method: parts.method,
            started: BigInt(parts.calls),
            completed: BigInt(parts.latencies.length),
            inFlight: BigInt(parts.poolBusy),
            codes: [{ code: parts.code, count: BigInt(parts.latencies.length) }],
            latency: histogram,
            stages: [{ stage: 5, latency: histogram }],
          },
        ],
        clients: [{ keyId: parts.keyId, calls: BigInt(parts.calls) }],
        statements: [{ kind: 'get_by_ids', latency: histogram, rows: BigInt(parts.calls) }],
        shed: [{ reason: 'OVERLOADED', count: BigInt(parts.calls) }],
        cache: { localHits: BigInt(parts.hits) },
        postgres: { up: true, poolBusy: parts.poolBusy, query: histogram },
        processes: [{ pid: 1, cpu: parts.poolBusy / 1000 }],
      }),
    );
  });

function appended(frames: readonly StatsFrame[]): StatsFrame {
  const sum = emptyFrame();
  for (const frame of frames) appendFrame(sum, frame);
  return sum;
}

describe('merging frames', () => {
  it('gives the same whether frames are appended one by one or in groups', () => {
    fc.assert(
      fc.property(fc.array(frameOf, { minLength: 1, maxLength: 8 }), fc.nat(8), (frames, cut) => {
        const groups = [frames.slice(0, cut), frames.slice(cut)].filter((group) => group.length > 0);
        const byGroups = appended(groups.map(appended));
        const oneByOne = appended(frames);
        expect(byGroups.processes[0]?.cpu).toBeCloseTo(oneByOne.processes[0]?.cpu ?? -1, 9);
        expect({ ...byGroups, processes: [] }).toEqual({ ...oneByOne, processes: [] });
      }),
    );
  });

  it('adds up counts and histograms, and keeps the later gauges', () => {
    fc.assert(
      fc.property(fc.array(frameOf, { minLength: 1, maxLength: 8 }), (frames) => {
        const sum = appended(frames);
        const total = (of: (frame: StatsFrame) => bigint | undefined): bigint =>
          frames.reduce((all, frame) => all + (of(frame) ?? 0n), 0n);
        const ofMethods = (of: (method: StatsFrame['methods'][number]) => bigint | undefined): bigint =>
          sum.methods.reduce((all, method) => all + (of(method) ?? 0n), 0n);
        expect(sum.merged).toBe(frames.length);
        expect(ofMethods(({ started }) => started)).toBe(total((frame) => frame.methods[0]?.started));
        expect(ofMethods(({ latency }) => latency?.count)).toBe(total((frame) => frame.methods[0]?.latency?.count));
        expect(sum.postgres?.query?.count ?? 0n).toBe(total((frame) => frame.postgres?.query?.count));
        expect(sum.cache?.localHits).toBe(total((frame) => frame.cache?.localHits));
        expect(sum.postgres?.poolBusy).toBe(frames.at(-1)?.postgres?.poolBusy);
        expect(sum.covered && msFromDuration(sum.covered)).toBe(
          frames.reduce((ms, { covered }) => ms + (covered ? msFromDuration(covered) : 0), 0),
        );
        const exact = LatencyHistogram.fromWire(undefined);
        for (const { postgres } of frames) exact.add(LatencyHistogram.fromWire(postgres?.query));
        expect(LatencyHistogram.fromWire(sum.postgres?.query).toWire()).toEqual(exact.toWire());
      }),
    );
  });

  it('adds up gauges too when frames of processes are joined', () => {
    fc.assert(
      fc.property(frameOf, frameOf, (one, two) => {
        const joined = emptyFrame();
        joinFrame(joined, one);
        joinFrame(joined, two);
        expect(joined.postgres?.poolBusy).toBe((one.postgres?.poolBusy ?? 0) + (two.postgres?.poolBusy ?? 0));
        expect(joined.methods.reduce((all, { inFlight }) => all + inFlight, 0n)).toBe(
          (one.methods[0]?.inFlight ?? 0n) + (two.methods[0]?.inFlight ?? 0n),
        );
        expect(joined.processes).toHaveLength(2);
        expect(joined.merged).toBe(1);
        const longest = Math.max(...[one, two].map(({ covered }) => (covered ? msFromDuration(covered) : 0)));
        expect(joined.covered && msFromDuration(joined.covered)).toBe(longest);
      }),
    );
  });

  it('folds the least busy clients into one beyond the limit, and loses no call', () => {
    const frames = Array.from({ length: 3 }, (_, f) =>
      StatsFrame.fromPartial({
        clients: Array.from({ length: 200 }, (_, n) => ({ keyId: `k${f}-${n}`, calls: BigInt(n + 1), streams: 1n })),
      }),
    );
    const { clients } = appended(frames);
    expect(clients).toHaveLength(FRAME_LIMITS.clients);
    expect(clients.reduce((sum, { calls }) => sum + calls, 0n)).toBe(3n * 20_100n);
    expect(clients.filter(({ keyName }) => keyName === OTHER_CLIENTS)).toHaveLength(1);
    expect(Math.min(...clients.slice(0, -1).map(({ calls }) => Number(calls)))).toBeGreaterThan(100);
  });

  it('forgets the streams of a client that is in the later frame no more', () => {
    const open = StatsFrame.fromPartial({ clients: [{ keyId: 'k', calls: 1n, streams: 2n }] });
    expect(appended([open, emptyFrame()]).clients).toMatchObject([{ keyId: 'k', calls: 1n, streams: 0n }]);
  });

  it('keeps the last events and the slowest calls within their limits', () => {
    const frames = Array.from({ length: 30 }, (_, n) =>
      StatsFrame.fromPartial({
        events: Array.from({ length: 10 }, (_, e) => ({ at: timestampFromMs(n * 10 + e), text: `${n * 10 + e}` })),
        methods: [{ method: 'a/Get', slowest: [{ duration: durationFromMs((n * 7) % 30) }] }],
      }),
    );
    const sum = appended(frames);
    expect(sum.events).toHaveLength(FRAME_LIMITS.events);
    expect(sum.events.at(-1)?.text).toBe('299');
    expect(sum.methods[0]?.slowest.map(({ duration }) => duration && msFromDuration(duration))).toEqual([
      29, 28, 27, 26, 25, 24, 23, 22, 21, 20,
    ]);
  });
});

/** So that a merge that writes into what it only reads, or keeps a reference and writes later, throws. */
function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const inner of Object.values(value)) deepFreeze(inner);
    Object.freeze(value);
  }
  return value;
}
