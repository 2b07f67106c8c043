import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { WatchStatsResponse } from '../../src/shared/gen/memoryhub/v1/stats_service.ts';
import { LatencyHistogram } from '../../src/shared/histogram.ts';
import { timestampFromMs } from '../../src/shared/time.ts';
import { frame } from '../../src/tui/screens/screen.ts';
import { serversOf } from '../../src/tui/source/addresses.ts';
import { encodeDelimited, openRecording } from '../../src/tui/source/recording-file.ts';
import { ReplaySource } from '../../src/tui/source/replay.ts';
import type { Event } from '../../src/tui/state/event.ts';
import { JoinedSlot } from '../../src/tui/state/joined-slot.ts';
import { reduce } from '../../src/tui/state/reduce.ts';
import { slotOf } from '../../src/tui/state/slot.ts';
import { initialState, type MonitorState, shownSummary } from '../../src/tui/state/state.ts';
import { plainText } from '../../src/tui/terminal/line.ts';
import { themeOf } from '../../src/tui/terminal/theme.ts';
import { standingText } from '../../src/tui/widgets/header.ts';
import { emptyFrame, methodStats, NOW_MS, trafficFrame } from './support/frames.ts';

const folder = mkdtempSync(join(tmpdir(), 'merged-'));
afterAll(() => rmSync(folder, { recursive: true }));

const NAMES = ['a:1', 'b:1'];
const begin: Event[] = [
  { kind: 'targets', names: NAMES },
  ...NAMES.map((target): Event => ({ kind: 'connection', connection: { phase: 'live' }, target })),
];
const THEME = themeOf({ ascii: false, depth: 'none', palette: 'blue-orange' });
const after = (events: readonly Event[]): MonitorState => events.reduce(reduce, initialState('a:1,b:1', NOW_MS));

/** What a target did in a second; its frames end a little after the second does. */
function second(target: string, at: number, latenciesUs: readonly number[], replayed = false): Event {
  const atMs = NOW_MS + at * 1000 + (target === 'a:1' ? 130 : 410);
  const one = emptyFrame({
    at: timestampFromMs(atMs),
    replica: target,
    replayed,
    bootId: `boot-${target}`,
    methods: [methodStats('GetMemory', latenciesUs, { inFlight: 3n })],
  });
  return { kind: 'frame', frame: one, receivedMs: atMs, target };
}

test('histograms are added: the percentile is that of all calls, not a mean of percentiles', () => {
  const fast = Array.from({ length: 990 }, (_, i) => 1000 + i);
  const slow = Array.from({ length: 10 }, () => 500_000);
  const state = after([...begin, second('a:1', 0, fast), second('b:1', 0, slow)]);
  const all = new LatencyHistogram();
  for (const us of [...fast, ...slow]) all.record(us);
  const { latency, completed, inFlight } = shownSummary(state).methods[0] ?? {};
  expect([completed, inFlight]).toEqual([1000, 6]);
  for (const quantile of [0.5, 0.95, 0.99, 0.995]) expect(latency?.percentile(quantile)).toBe(all.percentile(quantile));
});

test('a second of which one server has not told yet is not shown: half the servers are not half the load', () => {
  const seconds = [0, 1, 2].flatMap((at) => [second('a:1', at, [1000]), second('b:1', at, [1000])]);
  const state = after([...begin, ...seconds, second('a:1', 3, [1000])]);
  expect(state.history.map(({ replicas, methods }) => [replicas, methods[0]?.completed])).toEqual([
    [2, 2],
    [2, 2],
    [2, 2],
  ]);
});

test('a server that is down is left out at once, and what it missed to tell is filled in when it is back', () => {
  const down: Event = {
    kind: 'connection',
    target: 'b:1',
    connection: { phase: 'retrying', problem: { code: 'UNAVAILABLE', text: 'refused' }, retryAtMs: NOW_MS + 9000 },
  };
  const alone = [...begin, second('a:1', 0, [1000]), second('b:1', 0, [1000]), down, second('a:1', 1, [1000])];
  expect(after(alone).history.map(({ replicas }) => replicas)).toEqual([2, 1]);
  expect(after(alone).connection.phase).toBe('live');
  const back: Event = { kind: 'connection', target: 'b:1', connection: { phase: 'live' } };
  const filled = after([...alone, back, second('b:1', 1, [1000], true)]);
  expect(filled.history.map(({ replicas }) => replicas)).toEqual([2, 2]);
});

test('servers that are looked at one by one are not joined: their slots together are made when they are looked at', () => {
  const parts = [second('a:1', 0, [1000]), second('b:1', 0, [1000])].map((event) => {
    if (event.kind !== 'frame') throw new Error('a second is a frame');
    return slotOf(event.frame);
  });
  let read = 0;
  const watched = parts.map(
    (part) =>
      new Proxy(part, {
        get: (slot, name) => {
          if (name === 'methods') read++;
          return Reflect.get(slot, name);
        },
      }),
  );
  const joined = new JoinedSlot(watched, NOW_MS, 1000);
  expect([joined.endMs, joined.coveredMs, joined.tables, read]).toEqual([NOW_MS, 1000, [], 0]);
  expect(joined.methods[0]?.completed).toBe(2);
  const once = read;
  expect([joined.replicas, joined.methods[0]?.inFlight, read]).toEqual([2, 6, once]);
});

test('merged without one of them, the header does not say LIVE as if all were there, but who is down and since when', () => {
  const down = (target: string): Event => ({
    kind: 'connection',
    target,
    connection: { phase: 'retrying', problem: { code: 'UNAVAILABLE', text: 'refused' }, retryAtMs: NOW_MS + 90_000 },
  });
  const title = (events: readonly Event[], columns: number, view: Partial<MonitorState['view']> = {}) => {
    const state = after(events);
    const shown = frame({ ...state, view: { ...state.view, columns, rows: 30, ...view } }, THEME)[0]?.line ?? [];
    return { text: plainText(shown), tones: shown.map((span) => (typeof span === 'string' ? undefined : span.tone)) };
  };
  const both = [...begin, second('a:1', 0, [1000]), second('b:1', 0, [1000])];
  expect(title(both, 100).text).toMatch(/\[\S+ LIVE\]/);
  const oneDown = [...both, down('b:1'), second('a:1', 72, [1000])];
  for (const columns of [80, 100, 160]) {
    expect(title(oneDown, columns).text).toMatch(/LIVE 1 of 2\] +! b:1 down 1m1[12]s/);
    expect(title(oneDown, columns).tones).toContain('bad');
    expect(title(oneDown, columns).tones).not.toContain('good');
  }
  // Looked at alone, each has its own standing.
  expect(title([...oneDown, { kind: 'command', command: 'target' }], 120).text).toMatch(/\[\S+ LIVE\].*reporting 1\/2/);
  expect(title([...oneDown, down('a:1')], 120).text).toContain('RETRY in');
  expect(standingText(after(oneDown))).toMatch(/LIVE 1 of 2, without b:1 down 1m1[12]s/);
  const { text } = title([...begin, second('a:1', 0, [1000]), down('b:1')], 120);
  expect(text).toContain('LIVE 1 of 2]  ! b:1 no answer yet');
});

test('t leads from all to each server, also to one that is down, and back', () => {
  const down: Event = {
    kind: 'connection',
    target: 'b:1',
    connection: { phase: 'retrying', problem: { code: 'UNAVAILABLE', text: 'refused' }, retryAtMs: NOW_MS + 9000 },
  };
  let state = after([...begin, second('a:1', 0, [1000, 1000]), second('b:1', 0, [1000]), down]);
  const seen = [0, 1, 2, 3].map(() => {
    const { target, connection } = state;
    const calls = shownSummary(state).total.completed;
    state = reduce(state, { kind: 'command', command: 'target' });
    return [target, connection.phase, calls];
  });
  expect(seen).toEqual([
    ['2 servers', 'live', 3],
    ['a:1', 'live', 2],
    ['b:1', 'retrying', 1],
    ['2 servers', 'live', 3],
  ]);
});

test('alerts are those of each server: one bad one is named', () => {
  const bad = (at: number) => second('b:1', at, Array(30).fill(900_000));
  const seconds = Array.from({ length: 20 }, (_, at) => [second('a:1', at, Array(30).fill(900)), bad(at)]).flat();
  const { alertLog } = after([...begin, ...seconds]);
  expect(alertLog.map(({ target, rule }) => [target, rule])).toEqual([['b:1', 'api-latency']]);
});

test('a recording of several servers replayed shows the same frame, merged', async () => {
  const frames = Array.from({ length: 60 }, (_, i) =>
    NAMES.map((target, n) => ({ frame: trafficFrame(i + n, { at: trafficFrame(i).at, replica: target }), target })),
  ).flat();
  const path = join(folder, 'two.rec');
  writeFileSync(path, Buffer.concat(frames.map(encodeDelimited)));
  const played = async (messages: Iterable<WatchStatsResponse>) => {
    let state = initialState('two.rec', 0, { columns: 120, rows: 36 });
    const source = new ReplaySource({ target: 'two.rec', messages, speed: 0 });
    for await (const event of source.events(new AbortController().signal)) state = reduce(state, event);
    const theme = themeOf({ ascii: false, depth: 'none', palette: 'blue-orange' });
    return { state, rows: frame(state, theme).map(({ line }) => plainText(line)) };
  };
  const { state, rows } = await played(openRecording(path));
  expect(rows).toEqual((await played(frames)).rows);
  expect(state.targets.map(({ name, framesReceived }) => [name, framesReceived])).toEqual([
    ['a:1', 60],
    ['b:1', 60],
  ]);
});

test('a recording that is cut off or damaged says so where it is replayed, and shows what comes before', async () => {
  const frames = Array.from({ length: 5 }, (_, i) => encodeDelimited({ frame: trafficFrame(i), target: '' }));
  const before = Buffer.concat(frames.slice(0, 3));
  const read = async (bytes: Buffer) => {
    const path = join(folder, 'broken.rec');
    writeFileSync(path, bytes);
    let state = initialState('broken.rec', 0);
    const source = new ReplaySource({ target: 'broken.rec', messages: openRecording(path), speed: 0 });
    for await (const event of source.events(new AbortController().signal)) state = reduce(state, event);
    return [state.framesReceived, state.connection.phase === 'replaying' && state.connection.damage];
  };
  const whole = Buffer.concat(frames);
  expect(await read(whole)).toEqual([5, undefined]);
  expect(await read(whole.subarray(0, before.length + 40))).toEqual([
    3,
    `cut off at byte ${before.length} of ${before.length + 40}`,
  ]);
  const noise = Buffer.concat([before, Buffer.alloc(100, 0xff)]);
  expect(await read(noise)).toEqual([3, `damaged at byte ${before.length} of ${noise.length}`]);
  writeFileSync(join(folder, 'none.rec'), 'this is a text and no recording');
  expect(() => openRecording(join(folder, 'none.rec'))).toThrow(/holds no frames \((cut off|damaged) at byte 0/);
});

test('servers are a list, or what a name stands for; a host with an address of each family is one', async () => {
  const found =
    (...addresses: readonly string[]) =>
    async () =>
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
  expect(await serversOf('a:1, https://b:2,a:1', found())).toEqual(['a:1', 'b:2']);
  expect(await serversOf('hub:50051', found('10.0.0.2', '10.0.0.1'))).toEqual(['10.0.0.1:50051', '10.0.0.2:50051']);
  expect(await serversOf('hub:50051', found('fd00::2', 'fd00::1'))).toEqual(['[fd00::1]:50051', '[fd00::2]:50051']);
  expect(await serversOf('hub:50051', found('::1', '127.0.0.1'))).toEqual(['hub:50051']);
});
