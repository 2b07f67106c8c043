import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { JoinedStats } from '../../src/server/workers/joined-stats.ts';
import { StatsFrame } from '../../src/shared/gen/memoryhub/v1/stats_service.ts';

let joined: JoinedStats;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
  joined = new JoinedStats();
});
afterEach(() => vi.useRealTimers());

function frame(pid: number, started: bigint, method = 'a/Get'): StatsFrame {
  return StatsFrame.fromPartial({
    processes: [{ pid }],
    postgres: { up: true, poolMax: 5, commits: started },
    methods: [{ method, started, inFlight: 1n }],
  });
}

test('nothing is told while one worker is missing, and then all of it at once', () => {
  joined.received(1, frame(11, 2n));
  joined.received(2, frame(12, 3n));
  expect(joined.drain()).toMatchObject({ methods: [{ started: 5n, inFlight: 2n }], postgres: { poolMax: 10 } });
  joined.received(1, frame(11, 1n));
  joined.received(1, frame(11, 1n));
  expect(joined.drain()).toBeUndefined();
  joined.received(2, frame(12, 1n));
  expect(joined.drain()).toMatchObject({ methods: [{ started: 3n, inFlight: 2n }], postgres: { commits: 3n } });
  expect(joined.drain()).toBeUndefined();
});

test('a worker that is silent for a second is not waited for, and what it had counted is kept', () => {
  joined.received(1, frame(11, 2n));
  joined.received(2, frame(12, 3n));
  joined.drain();
  joined.received(2, frame(12, 4n));
  vi.advanceTimersByTime(900);
  joined.received(1, frame(11, 1n));
  joined.drain();
  joined.received(1, frame(11, 1n));
  expect(joined.drain()).toBeUndefined();
  vi.advanceTimersByTime(200);
  expect(joined.drain()).toMatchObject({ methods: [{ started: 1n }], postgres: { poolMax: 5 } });
});

test('when the workers have ended, what the last of them said stands for itself', () => {
  joined.received(1, frame(11, 2n));
  joined.received(2, frame(12, 3n));
  joined.drain();
  joined.received(1, frame(11, 7n));
  expect(joined.drain()).toBeUndefined();
  joined.ended();
  expect(joined.drain()).toMatchObject({ methods: [{ started: 7n }] });
});
