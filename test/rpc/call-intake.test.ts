import { once } from 'node:events';
import { connect, type IncomingHttpHeaders } from 'node:http2';
import { gzipSync } from 'node:zlib';
import streamDecoder from '@grpc/grpc-js/build/src/stream-decoder.js';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { UnaryWire } from '../../src/server/rpc/unary-wire.ts';
import { LIMITS } from '../../src/shared/limits.ts';
import { closing, frame, rawCall, start, unary } from './harness.ts';

/** Of grpc-js: what a message goes through that is not in one piece. */
const takenApart = vi.spyOn(streamDecoder.StreamDecoder.prototype, 'write');

interface Answer {
  readonly body: string;
  readonly status: string | undefined;
}

/** What /test.Wire/Echo answers to a request that comes in these pieces. */
async function echo(pieces: readonly Buffer[], headers: IncomingHttpHeaders = {}): Promise<Answer> {
  const server = await start([unary('Echo', (_call, text) => text)]);
  const session = connect(`http://127.0.0.1:${server.port}`);
  const asking = session.request({
    ':method': 'POST',
    ':path': '/test.Wire/Echo',
    'content-type': 'application/grpc',
    authorization: 'Bearer good',
    ...headers,
  });
  const answered: Buffer[] = [];
  let status: string | undefined;
  asking.on('response', (fields) => {
    status = fields['grpc-status'] as string | undefined;
  });
  asking.on('trailers', (fields) => {
    status = fields['grpc-status'] as string | undefined;
  });
  asking.on('data', (bytes: Buffer) => answered.push(bytes));
  const closed = new Promise((resolve) => asking.on('close', resolve));
  for (const piece of pieces) {
    if (pieces.length === 1) asking.write(piece);
    // Or they would come together: a ping behind each is answered when it is there.
    else await new Promise((resolve) => asking.write(piece, () => session.ping(resolve)));
  }
  asking.end();
  await closed;
  await closing(session);
  return { body: Buffer.concat(answered).subarray(5).toString(), status };
}

describe('a message', () => {
  const hello = frame(Buffer.from('hello'));
  const zipped = frame(gzipSync('hello'), 1);
  const looksLikeOne = frame(hello);

  beforeEach(() => {
    takenApart.mockClear();
  });

  it('that comes in one piece is not taken apart', async () => {
    expect(await echo([hello])).toEqual({ body: 'hello', status: '0' });
    expect(takenApart).not.toHaveBeenCalled();
  });

  it.each([
    ['in single bytes', [...hello].map((byte) => Buffer.of(byte)), 'hello'],
    ['with a second piece that looks like a message', [looksLikeOne.subarray(0, 5), hello], hello.toString()],
    ['compressed', [zipped], 'hello'],
    ['compressed, in two pieces', [zipped.subarray(0, 9), zipped.subarray(9)], 'hello'],
  ])('is found where it comes %s', async (_how, pieces, expected) => {
    expect(await echo(pieces, { 'grpc-encoding': 'gzip' })).toEqual({ body: expected, status: '0' });
    expect(takenApart).toHaveBeenCalled();
  });

  it.each([
    ['one after the other', [hello, hello]],
    ['in one piece', [Buffer.concat([hello, hello])]],
    ['with more than anybody waits for', new Array<Buffer>(50).fill(hello)],
  ])('may not be followed by another one, %s', async (_how, pieces) => {
    expect(await echo(pieces)).toEqual({ body: '', status: '3' });
  });

  it('has to be there', async () => {
    expect(await echo([])).toEqual({ body: '', status: '3' });
  });

  it('may be as large as a server takes, and no larger', async () => {
    const server = await start([unary('Length', (_call, text) => String(text.length))]);
    const max = LIMITS.unaryBytes.max;
    const ask = (bytes: number) => rawCall(server, '/test.Wire/Length', frame(Buffer.alloc(bytes, 'a')));
    expect(await ask(max)).toMatchObject({ code: 'OK' });
    expect(await ask(max + 1)).toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
  });
});

describe('a unary call', () => {
  it('is no stream of objects, and is not one of grpc-js', async () => {
    const wires: object[] = [];
    const server = await start([
      unary('Seen', (call) => {
        wires.push((call as unknown as { wire: object }).wire);
        return '';
      }),
    ]);
    expect(await rawCall(server, '/test.Wire/Seen', frame(Buffer.alloc(0)))).toMatchObject({ code: 'OK' });
    expect(wires).toEqual([expect.any(UnaryWire)]);
    expect((wires[0] as UnaryWire).call).not.toHaveProperty('metricsRecorder');
  });

  it('that is not one of gRPC by its type is refused as HTTP refuses it', async () => {
    const server = await start([unary('Echo', (_call, text) => text)]);
    const session = connect(`http://127.0.0.1:${server.port}`);
    const asking = session.request({ ':method': 'POST', ':path': '/test.Wire/Echo', 'content-type': 'text/plain' });
    const [fields] = (await once(asking.end(), 'response')) as [IncomingHttpHeaders];
    await closing(session);
    expect(fields[':status']).toBe(415);
    expect(server.seen.begun).toBe(0);
  });
});
