import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { beforeEach, describe, expect, it } from 'vitest';
import { SlowCallLog } from '../../src/server/telemetry/slow-call-log.ts';
import { call, open, readAll, start, stream, unary, until } from '../rpc/harness.ts';
import { callRecord } from '../stats/call-record.ts';

const PATH = '/memoryhub.v1.MemoryService/SaveMemory';
let lines: Record<string, unknown>[];
let now: number;

beforeEach(() => {
  lines = [];
  now = 0;
});

function slowCalls(thresholdMs: number): SlowCallLog {
  const output = { write: (line: string) => void lines.push(JSON.parse(line)) };
  return new SlowCallLog(pino({ base: null }, output), thresholdMs, () => now);
}

describe('the log of slow calls', () => {
  it('says where the time of a call went', () => {
    const stagesUs = [0, 100, 200, 3_000, 40, 1_496_660, 0];
    slowCalls(1000).slow(PATH, 'id-1', callRecord({ elapsedUs: 1_500_000, stagesUs }), undefined, 'ab'.repeat(16));
    expect(lines).toEqual([
      expect.objectContaining({
        level: 40,
        msg: 'a call was slow',
        method: 'memoryhub.v1.MemoryService/SaveMemory',
        request_id: 'id-1',
        trace_id: 'ab'.repeat(16),
        code: 'OK',
        elapsed_ms: 1500,
        decode_ms: 0.1,
        auth_ms: 0.2,
        domain_ms: 3,
        cache_ms: 0.04,
        database_ms: 1496.66,
        encode_ms: 0,
      }),
    ]);
  });

  it('has twenty lines in ten seconds, and then says how many more there were', () => {
    const log = slowCalls(1000);
    for (let i = 0; i < 100; i++) log.slow(PATH, `${i}`, callRecord({}), undefined);
    expect(lines).toHaveLength(20);
    now = 10_000;
    log.slow(PATH, 'later', callRecord({}), undefined);
    expect(lines.slice(20)).toMatchObject([{ calls: 80 }, { request_id: 'later' }]);
  });

  it('has each slow call of a server once, and no quick one', async () => {
    const server = await start(
      [
        unary('Slow', async () => {
          await sleep(60);
          return 'done';
        }),
        unary('Quick', async () => 'done'),
      ],
      { slowCalls: slowCalls(50) },
    );
    await call(server, 'Slow');
    await call(server, 'Quick');
    await until(() => server.seen.ended.length === 2, 'both ended');
    expect(lines.map(({ method }) => method)).toEqual(['test.Wire/Slow']);
  });

  it('has a stream that took long to make, and none that was long read', async () => {
    const server = await start(
      [
        stream('LongRead', async function* () {
          yield 'first';
          yield 'second';
        }),
        stream('LongMade', async function* () {
          await sleep(120);
          yield 'first';
        }),
      ],
      { slowCalls: slowCalls(100) },
    );
    const reading = open(server, 'LongRead');
    const read = readAll(reading.pause());
    await sleep(150);
    reading.resume();
    expect((await read).messages).toHaveLength(2);
    await readAll(open(server, 'LongMade'));
    await until(() => server.seen.ended.length === 2, 'both ended');
    expect(lines.map(({ method }) => method)).toEqual(['test.Wire/LongMade']);
  });
});
