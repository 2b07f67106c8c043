import { connect as connectHttp2 } from 'node:http2';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { ServiceError } from '../../src/server/domain/errors.ts';
import type { Call } from '../../src/server/rpc/method.ts';
import { EncodedMessage } from '../../src/server/rpc/method.ts';
import {
  type CallOptions,
  connect,
  frame,
  open,
  READER,
  rawCall,
  readAll,
  start,
  stream,
  type TestServer,
  until,
} from './harness.ts';

const MESSAGE_BYTES = 64 * 1024;

/** A stream without end that counts what was pulled from it and whether it was closed. */
function endless(before?: (call: Call, pulled: number) => void) {
  const counts = { pulled: 0, closed: 0 };
  const bytes = new EncodedMessage(Buffer.alloc(MESSAGE_BYTES, 97));
  const method = stream('Endless', async function* (call) {
    try {
      for (;;) {
        counts.pulled += 1;
        before?.(call, counts.pulled);
        yield bytes;
      }
    } finally {
      counts.closed += 1;
    }
  });
  return { method, counts };
}

/**
 * Opens a stream and stops reading after its first message. (A grpc-js client that never reads at
 * all takes and keeps everything.)
 */
function openAndStop(server: TestServer, name: string, options: CallOptions = {}) {
  const reader = open(server, name, '', options);
  reader.on('error', () => {});
  reader.once('data', () => reader.pause());
  return reader;
}

/** Waits until a number has not changed for 100 ms. */
async function settled(value: () => number): Promise<number> {
  let last = -1;
  while (last !== value()) {
    last = value();
    await delay(100);
  }
  return last;
}

describe('a stream', () => {
  it('brings its messages in order, with metadata before them', async () => {
    const server = await start([
      stream('Count', async function* (call, request) {
        call.setMetadata('x-memoryhub-revision', '9');
        for (let number = 1; number <= Number(request); number++) yield String(number);
      }),
    ]);
    const reader = open(server, 'Count', '100');
    let revision: unknown;
    reader.on('metadata', (metadata) => {
      revision = metadata.get('x-memoryhub-revision')[0];
    });
    const { messages, refusal } = await readAll(reader);
    expect(refusal).toBeUndefined();
    expect(messages).toEqual(Array.from({ length: 100 }, (_, index) => String(index + 1)));
    expect(revision).toBe('9');
    expect(server.seen.ended[0]).toMatchObject({ code: 0, messagesSent: 100, bytesSent: 192, bytesReceived: 3 });
    expect(server.seen.opened).toEqual([READER.keyId]);
    expect(server.seen.closed).toEqual([READER.keyId]);
  });

  it('may have no message at all, and has its request id all the same', async () => {
    const server = await start([stream('Empty', async function* () {})]);
    const reader = open(server, 'Empty', '', { headers: { 'x-request-id': 'r-2' } });
    let requestId: unknown;
    reader.on('metadata', (metadata) => {
      requestId = metadata.get('x-request-id')[0];
    });
    expect(await readAll(reader)).toEqual({ messages: [] });
    expect(requestId).toBe('r-2');
  });

  it('is refused without a key before its generator is made', async () => {
    const { method, counts } = endless();
    const server = await start([method]);
    const { refusal } = await readAll(open(server, 'Endless', '', { headers: { authorization: '' } }));
    expect(refusal?.reason).toBe('memoryhub/CREDENTIAL_MISSING');
    expect(counts.pulled).toBe(0);
    expect(server.seen.opened).toEqual([]);
    expect(server.seen.closed).toEqual([]);
  });

  it.each([0, 1, 3])('that throws after %i messages ends with its error and what was sent', async (count) => {
    const server = await start([
      stream('Break', async function* () {
        for (let number = 0; number < count; number++) yield 'm';
        throw new ServiceError('DATABASE_UNAVAILABLE', 'no database \ud800', { retryAfterMs: 10 });
      }),
    ]);
    const { messages, refusal } = await readAll(open(server, 'Break'));
    expect(messages).toHaveLength(count);
    expect(refusal).toMatchObject({ code: 'UNAVAILABLE', reason: 'memoryhub/DATABASE_UNAVAILABLE', retryDelayMs: 10 });
    expect(server.seen.ended[0]).toMatchObject({ code: 14, messagesSent: count });
  });

  it.each([0, 1])('whose bug shows after %i messages ends INTERNAL, and is logged', async (count) => {
    const bug = new TypeError('undefined is not a memory');
    const server = await start([
      stream('Bug', async function* () {
        for (let number = 0; number < count; number++) yield 'm';
        await delay(1);
        throw bug;
      }),
    ]);
    const { refusal } = await readAll(open(server, 'Bug'));
    expect(refusal).toMatchObject({ code: 'INTERNAL', reason: 'memoryhub/INTERNAL' });
    expect(server.seen.unexpected.map(({ error }) => error)).toEqual([bug]);
  });

  it('whose handler throws instead of making a generator ends INTERNAL', async () => {
    const server = await start([
      stream('Bug', () => {
        throw new Error('at once');
      }),
    ]);
    const { refusal } = await readAll(open(server, 'Bug'));
    expect(refusal?.code).toBe('INTERNAL');
    expect(server.seen.closed).toEqual(server.seen.opened);
  });
});

describe('a reader that is slow', () => {
  it('is not read ahead for: what it does not take is not made', async () => {
    const { method, counts } = endless();
    const server = await start([method]);
    const reader = openAndStop(server, 'Endless');
    await until(() => counts.pulled > 0, 'it flows');
    const stalledAt = await settled(() => counts.pulled);
    // Flow control lets some 64 KiB out, the socket and the client buffer some more.
    expect(stalledAt).toBeLessThan(100);
    let taken = 1;
    reader.on('data', () => {
      taken += 1;
    });
    reader.resume();
    await until(() => taken > stalledAt + 50, 'it reads on');
    expect(counts.pulled).toBeLessThan(taken + 100);
    reader.cancel();
    await until(() => counts.closed === 1, 'the generator was closed');
  });

  it('does not hold the others up', async () => {
    const { method } = endless();
    const server = await start([
      method,
      stream('Count', async function* () {
        for (let number = 0; number < 20; number++) yield 'm';
      }),
    ]);
    const stuck = Array.from({ length: 20 }, () => openAndStop(server, 'Endless'));
    await until(() => server.seen.opened.length === 20, 'all are open');
    // On a connection of its own: on theirs they hold the window that all of its calls share.
    const other = { ...server, client: connect(server.port) };
    const { messages } = await readAll(open(other, 'Count'));
    expect(messages).toHaveLength(20);
    other.client.close();
    for (const reader of stuck) reader.cancel();
    await until(() => server.seen.ended.length === 21, 'all ended');
  });

  it('is ended when it takes nothing, with the place to go on from', async () => {
    const { method, counts } = endless((call, pulled) => call.offerResumeToken(`after-${pulled}`));
    const server = await start([method], { limits: { readerStallMs: 150, statusFlushMs: 60_000 } });
    const reader = openAndStop(server, 'Endless');
    await until(() => server.seen.ended.length === 1, 'it was ended');
    expect(server.seen.ended[0]?.code).toBe(8);
    expect(server.seen.lines[0]?.reason).toBe('READER_STALLED');
    expect(counts.closed).toBe(1);
    expect(server.server.openStreams).toBe(0);
    reader.resume();
    const { messages, refusal } = await readAll(reader);
    expect(refusal).toMatchObject({ code: 'RESOURCE_EXHAUSTED', reason: 'memoryhub/READER_STALLED' });
    // And the one it took before it stopped.
    expect(refusal?.info).toEqual({ resume_token: `after-${messages.length + 1}` });
    expect(messages).toHaveLength(counts.pulled - 1);
  });

  it('is cut off when it does not even take its status', async () => {
    const { method } = endless();
    const server = await start([method], { limits: { readerStallMs: 50, statusFlushMs: 50 } });
    const refusal = await rawStall(server);
    expect(refusal).toBe(11);
    expect(server.seen.ended).toHaveLength(1);
  });

  it('keeps its stream as long as it takes something now and then', async () => {
    const { method } = endless();
    const server = await start([method], { limits: { readerStallMs: 400 } });
    const reader = openAndStop(server, 'Endless');
    let taken = 0;
    for (let round = 0; round < 12; round++) {
      await delay(100);
      while (reader.read() !== null) taken += 1;
    }
    expect(server.seen.ended).toEqual([]);
    expect(taken).toBeGreaterThan(12);
    reader.cancel();
    await until(() => server.seen.ended.length === 1, 'it ended');
  });
});

/** Opens a stream with a window that is never opened again; resolves with the code of its reset. */
async function rawStall(server: { port: number }): Promise<number> {
  const session = connectHttp2(`http://127.0.0.1:${server.port}`);
  const request = session.request({
    ':method': 'POST',
    ':path': '/test.Wire/Endless',
    'content-type': 'application/grpc',
    authorization: 'Bearer good',
  });
  request.end(frame(Buffer.alloc(0)));
  request.pause();
  return new Promise((resolve) => {
    request.on('error', () => {});
    request.on('close', () => {
      resolve(request.rstCode);
      session.destroy();
    });
  });
}

describe('a caller that leaves a stream', () => {
  it('closes its generator while it yields', async () => {
    const { method, counts } = endless();
    const server = await start([method]);
    const reader = open(server, 'Endless');
    reader.on('error', () => {});
    reader.once('data', () => reader.cancel());
    await until(() => counts.closed === 1, 'the generator was closed');
    expect(server.seen.ended[0]?.code).toBe(1);
    expect(server.seen.closed).toEqual([READER.keyId]);
    expect(server.server.openStreams).toBe(0);
  });

  it('closes its generator while it waits, through the signal', async () => {
    let closed = false;
    const server = await start([
      stream('Watch', async function* (call) {
        try {
          yield 'first';
          await delay(60_000, undefined, { signal: call.signal });
        } finally {
          closed = true;
        }
      }),
    ]);
    const reader = open(server, 'Watch');
    reader.on('error', () => {});
    reader.once('data', () => reader.cancel());
    await until(() => closed, 'the generator was closed');
    expect(server.seen.ended[0]?.code).toBe(1);
    expect(server.seen.unexpected).toEqual([]);
  });

  it('hears nothing of a generator that fails to close, but the log does', async () => {
    const bug = new Error('in finally');
    const server = await start([
      stream('Bug', async function* () {
        try {
          for (;;) yield 'm';
        } finally {
          // biome-ignore lint/correctness/noUnsafeFinally: this is the bug
          throw bug;
        }
      }),
    ]);
    const reader = open(server, 'Bug');
    reader.on('error', () => {});
    reader.once('data', () => reader.cancel());
    await until(() => server.seen.unexpected.length > 0, 'it was logged');
    expect(server.seen.unexpected[0]?.error).toBe(bug);
  });

  it('a thousand times leaves nothing behind', async () => {
    const { method, counts } = endless();
    const server = await start([method], { limits: { maxConcurrentStreams: 2000 } });
    for (let round = 0; round < 10; round++) {
      const readers = Array.from({ length: 100 }, () => open(server, 'Endless').on('error', () => {}));
      await delay(5);
      for (const reader of readers) reader.cancel();
    }
    await until(() => server.seen.begun === server.seen.ended.length && server.server.openStreams === 0, 'all ended');
    await until(() => server.seen.opened.length === counts.closed, 'all generators closed');
    expect(server.seen.closed).toHaveLength(server.seen.opened.length);
    expect(server.seen.unexpected).toEqual([]);
  });
});

describe('a deadline of a stream', () => {
  it('ends it with its generator, even when nothing is read', async () => {
    const { method, counts } = endless();
    const server = await start([method], { limits: { statusFlushMs: 100 } });
    openAndStop(server, 'Endless', { deadline: Date.now() + 1_000 });
    await until(() => counts.closed === 1, 'the generator was closed');
    // On a busy machine the caller's own clock may run out so long before the server's that it is a cancel.
    expect([1, 4]).toContain(server.seen.ended[0]?.code);
  });
});

describe('a key that is revoked', () => {
  it('ends the streams that were opened with it', async () => {
    const { method, counts } = endless();
    const server = await start([method], { limits: { credentialRecheckMs: 20 } });
    const reader = open(server, 'Endless');
    const read = readAll(reader);
    await until(() => counts.pulled > 100, 'it flows');
    server.key.revoked = true;
    const { refusal } = await read;
    expect(refusal).toMatchObject({ code: 'UNAUTHENTICATED', reason: 'memoryhub/CREDENTIAL_INVALID' });
    expect(counts.closed).toBe(1);
  });

  it('is not taken for revoked while the database is away', async () => {
    const { method, counts } = endless();
    let away = false;
    const server = await start([method], {
      limits: { credentialRecheckMs: 10 },
      authenticator: {
        verify: () => (away ? Promise.reject(new ServiceError('DATABASE_UNAVAILABLE', 'no database')) : READER),
      },
    });
    const reader = open(server, 'Endless');
    reader.on('error', () => {});
    reader.resume();
    await until(() => counts.pulled > 10, 'it flows');
    away = true;
    await delay(100);
    const before = counts.pulled;
    await until(() => counts.pulled > before + 10, 'it flows on');
    reader.cancel();
  });
});

describe('an unknown stream', () => {
  it('is UNIMPLEMENTED', async () => {
    const server = await start([endless().method]);
    const refusal = await rawCall(server, '/test.Wire/Endles', frame(Buffer.alloc(0)));
    expect(refusal.reason).toBe('memoryhub/UNIMPLEMENTED');
  });
});
