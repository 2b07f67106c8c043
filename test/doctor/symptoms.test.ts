import { expect, test } from 'vitest';
import { symptomsOf } from '../../src/cli/doctor/symptoms.ts';
import { StatsFrame } from '../../src/shared/gen/memoryhub/v1/stats_service.ts';
import { LatencyHistogram } from '../../src/shared/histogram.ts';
import { timestampFromMs } from '../../src/shared/time.ts';

type Partial = Parameters<typeof StatsFrame.fromPartial>[0];

const said = (...seconds: Partial[]) =>
  symptomsOf(seconds.map((one) => StatsFrame.fromPartial(one))).map((s) => s.said);
const saves = (us: number): Partial => {
  const latency = new LatencyHistogram();
  latency.record(us);
  return { methods: [{ method: 'memoryhub.v1.MemoryService/SaveMemory', latency: latency.toWire() }] };
};
const waits = (event: string, sessions: bigint) => ({ waitLooks: 1n, waits: [{ event, sessions }] });

const locks: Partial = { postgres: waits('Lock transactionid', 3n) };
const slowDisk: Partial = { ...saves(120_000), postgres: waits('IO WALSync', 2n) };
const hot: Partial = { postgres: { putOff: 30n } };
const full: Partial = { postgres: { poolWaiting: 7 } };
const garbage: Partial = { processes: [{ gcShare: 0.3 }] };
const late: Partial = { processes: [{ loopDelayP99Us: 10 }, { loopDelayP99Us: 300_000 }] };
const unread: Partial = { clients: [{ keyName: 'sleepy', stalledStreams: 2n }, { keyName: 'quick' }] };

test.each([
  ['lock wait', locks, 'Sessions of PostgreSQL waited for locks in 2 of the last 3 s, up to 3 at a time.'],
  ['slow disk', slowDisk, "Commits waited for the disk of PostgreSQL's log in 2 of the last 3 s, while"],
  ['hot key', hot, 'Writes of one and the same memory were put off 60 times in 2 of the last 3 s.'],
  ['pool exhausted', full, 'Up to 7 calls waited for a database connection, in 2 of the last 3 s.'],
  ['slow reader', unread, 'Up to 2 streams were not read by those who opened them (sleepy), in 2 of the last 3 s.'],
])('%s is told of when it was seen twice, and not when once', (_, second, text) => {
  expect(said(second, {}, second)).toEqual([expect.stringContaining(text)]);
  expect(said(second, {}, {})).toEqual([]);
});

test('garbage that takes its share of a second or two is not told of, and for longer it is', () => {
  expect(said(garbage, {}, garbage)).toEqual([]);
  expect(said(garbage, garbage, {}, garbage)).toEqual([
    'A process spent up to 30% of its time collecting garbage, in 3 of the last 4 s.',
  ]);
});

test('an event loop that is late now and then is not told of, and one that often is', () => {
  expect(said(late, {}, late)).toEqual([]);
  expect(said(late, late, {}, late)).toEqual(['The event loop was up to 300ms late, in 3 of the last 4 s.']);
  const starting = { ...late, at: timestampFromMs(9_000), bootTime: timestampFromMs(0) };
  expect(said(starting, starting, starting)).toEqual([]);
});

test('commits that wait for a disk which answers soon, and other waits, are everyday', () => {
  const quick = { ...slowDisk, ...saves(8_000) };
  expect(said(quick, quick, quick)).toEqual([]);
  const reading = { ...saves(8_000), postgres: waits('BufferPin BufferPin', 1n) };
  expect(said(reading, reading)).toEqual([]);
});

test('a client that is refused again and again is told of, the doctor itself is not', () => {
  const client = (keyName: string, calls: bigint, refused: bigint): Partial => ({
    clients: [{ keyId: 'k', keyName, peer: '192.0.2.7', calls, refused }],
  });
  expect(said(client('impatient', 40n, 30n), client('impatient', 30n, 25n))).toEqual([
    'The client "impatient" at 192.0.2.7 asks again and again what is refused: 55 of its 70 calls.',
  ]);
  expect(said(client('', 60n, 60n))).toEqual([expect.stringContaining('A caller without a valid key at 192.0.2.7')]);
  expect(said(client('busy', 1_000n, 100n))).toEqual([]);
  expect(said(client('unlucky', 10n, 10n))).toEqual([]);
  expect(said(client('doctor-reader', 60n, 60n))).toEqual([]);
});
