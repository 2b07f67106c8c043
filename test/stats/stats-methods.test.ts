import { readFileSync } from 'node:fs';
import { type GrpcObject, loadPackageDefinition } from '@grpc/grpc-js';
import { loadFileDescriptorSetFromBuffer } from '@grpc/proto-loader';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UNBOUND } from '../../src/server/domain/access.ts';
import type { ServiceError } from '../../src/server/domain/errors.ts';
import { Role } from '../../src/server/domain/principal.ts';
import { type Call, EncodedMessage } from '../../src/server/rpc/method.ts';
import { getStats } from '../../src/server/rpc/stats/get-stats.ts';
import { watchStats } from '../../src/server/rpc/stats/watch-stats.ts';
import { StatsHub } from '../../src/server/stats/hub.ts';
import { StatsRecorder } from '../../src/server/stats/recorder.ts';
import {
  GetStatsRequest,
  WatchStatsRequest,
  type WatchStatsResponse,
} from '../../src/shared/gen/memoryhub/v1/stats_service.ts';
import { durationFromMs } from '../../src/shared/time.ts';
import { callRecord, GET } from './call-record.ts';

let recorder: StatsRecorder;
let hub: StatsHub;
let leaving: AbortController;

beforeEach(() => {
  recorder = new StatsRecorder();
  hub = new StatsHub({
    source: recorder,
    identity: { bootId: 'boot-1', replica: 'hub-1:50051', version: '0.1.0', bootTime: undefined },
    onError: (error) => {
      throw error;
    },
  });
  leaving = new AbortController();
});

afterEach(() => {
  hub.close();
  recorder.close();
});

function call(): Call {
  return {
    workspaceId: 0,
    workspace: '',
    access: UNBOUND,
    author: 'operator',
    keyId: 'key-1',
    callId: 'call-1',
    peer: '127.0.0.1',
    deadlineAt: Number.POSITIVE_INFINITY,
    signal: leaving.signal,
    ended: false,
    observe: () => undefined,
    principal: {
      keyId: 'key-1',
      name: 'operator',
      role: Role.OPERATOR,
      workspaceId: 0,
      workspace: '',
      access: UNBOUND,
    },
    setMetadata: () => undefined,
    answersInClear: () => {},
    offerResumeToken: () => undefined,
  };
}

function messages(request: Partial<WatchStatsRequest>): AsyncIterator<WatchStatsResponse | EncodedMessage> {
  return watchStats(hub).handle(call(), WatchStatsRequest.fromPartial(request))[Symbol.asyncIterator]();
}

/** What another protobuf implementation than the server's reads. */
function decodedElsewhere(message: unknown): { frame: Record<string, unknown> } {
  const descriptors = loadFileDescriptorSetFromBuffer(readFileSync('proto/memoryhub.binpb'), { longs: Number });
  const api = loadPackageDefinition(descriptors) as GrpcObject & {
    memoryhub: { v1: { StatsService: { service: { WatchStats: { responseDeserialize(bytes: Buffer): unknown } } } } };
  };
  const { WatchStats } = api.memoryhub.v1.StatsService.service;
  if (!(message instanceof EncodedMessage)) throw new Error('frames are sent as they were encoded');
  return WatchStats.responseDeserialize(Buffer.from(message.bytes)) as { frame: Record<string, unknown> };
}

describe('StatsService', () => {
  it('GetStats gives the totals', async () => {
    const [get] = recorder.methods([GET]);
    get?.begin();
    get?.end(callRecord({ elapsedUs: 123 }));
    hub.totals();
    const answer = await getStats(hub).handle(call(), GetStatsRequest.fromPartial({}));
    if (answer instanceof EncodedMessage) throw new Error('a message');
    expect(answer.totals).toMatchObject({ bootId: 'boot-1', methods: [{ completed: 1n, latency: { sum: 123 } }] });
  });

  it('WatchStats sends frames that any protobuf reader understands', async () => {
    const [get] = recorder.methods([GET]);
    const stream = messages({ interval: durationFromMs(100), replay: durationFromMs(1000) });
    expect(decodedElsewhere((await stream.next()).value)).toMatchObject({ frame: { sequence: 1, replayed: true } });
    get?.begin();
    get?.end(callRecord({ elapsedUs: 500 }));
    expect(decodedElsewhere((await stream.next()).value)).toMatchObject({
      frame: {
        sequence: 2,
        boot_id: 'boot-1',
        replica: 'hub-1:50051',
        merged: 1,
        methods: [{ method: 'memoryhub.v1.MemoryService/GetMemory', started: 1, latency: { count: 1, sum: 500 } }],
        processes: [{ pid: process.pid }],
      },
    });
    leaving.abort();
    expect((await stream.next()).done).toBe(true);
  });

  it.each([
    ['interval', { interval: durationFromMs(99) }, '99 ms, allowed are 100 to 60000 ms'],
    ['interval', { interval: durationFromMs(60_001) }, '60001 ms, allowed are 100 to 60000 ms'],
    ['replay', { replay: durationFromMs(-1) }, '-1 ms, allowed are 0 to 120000 ms'],
    ['detail_methods', { detailMethods: Array(17).fill('GetMemory') }, '17 methods, allowed are up to 16'],
    ['methods', { methods: Array(65).fill('GetMemory') }, '65 methods, allowed are up to 64'],
  ])(
    'WatchStats refuses %s out of its range and names the value and the limit',
    async (field, request, description) => {
      const refusal: ServiceError = await messages(request)
        .next()
        .then(
          () => expect.fail('accepted'),
          (error) => error,
        );
      expect(refusal).toMatchObject({ reason: 'INVALID_FIELD', violations: [{ field, description }] });
    },
  );

  it('WatchStats tells its readers that the server is shutting down, after the last frame', async () => {
    const stream = messages({});
    const waiting = stream.next();
    await new Promise((resolve) => setImmediate(resolve));
    hub.close();
    expect((await waiting).value).toBeInstanceOf(EncodedMessage);
    await expect(stream.next()).rejects.toMatchObject({ reason: 'SHUTTING_DOWN' });
  });
});
