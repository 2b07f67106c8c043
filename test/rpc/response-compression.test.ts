import { connect, type OutgoingHttpHeaders } from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { Server } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { compressResponses } from '../../src/server/rpc/response-compression.ts';
import { call, closing, frame, open, readAll, start, stream, type TestServer, unary } from './harness.ts';

const TEXT = 'Deploys happen on Tuesdays. '.repeat(10_000);
/** A text of so many bytes that is made shorter by compression. */
const text = (bytes: number) => TEXT.slice(0, bytes);

const methods = () => [
  unary('Text', async (_call, size) => text(Number(size))),
  unary('Noise', async (_call, size) =>
    Array.from({ length: Number(size) }, () => String.fromCharCode(Math.random() * 128)).join(''),
  ),
  stream('Texts', async function* (_call, sizes) {
    for (const size of sizes.split(',')) yield text(Number(size));
  }),
];

interface OnTheWire {
  readonly encoding: string | undefined;
  /** Each message: its flag, its length there, and what it says. */
  readonly messages: { flag: number; length: number; text: string }[];
  readonly status: string | undefined;
}

/** One call over a socket of its own, and the bytes of its answer. */
function ask(server: TestServer, method: string, request: string, accept?: string): Promise<OnTheWire> {
  return new Promise((resolve, reject) => {
    const session = connect(`http://127.0.0.1:${server.port}`);
    const headers: OutgoingHttpHeaders = {
      ':method': 'POST',
      ':path': `/test.Wire/${method}`,
      'content-type': 'application/grpc',
      te: 'trailers',
      authorization: 'Bearer good',
      ...(accept !== undefined && { 'grpc-accept-encoding': accept }),
    };
    const asked = session.request(headers);
    const parts: Buffer[] = [];
    let encoding: string | undefined;
    let status: string | undefined;
    asked.on('response', (received) => {
      encoding = received['grpc-encoding'] as string | undefined;
    });
    asked.on('trailers', (received) => {
      status = String(received['grpc-status']);
    });
    asked.on('data', (part: Buffer) => parts.push(part));
    asked.on('error', reject);
    asked.on('close', async () => {
      await closing(session);
      resolve({ encoding, messages: messagesIn(Buffer.concat(parts)), status });
    });
    asked.end(frame(Buffer.from(request)));
  });
}

function messagesIn(bytes: Buffer): OnTheWire['messages'] {
  const messages: OnTheWire['messages'] = [];
  for (let at = 0; at < bytes.length; ) {
    const [flag = 0, length] = [bytes[at], bytes.readUInt32BE(at + 1)];
    const body = bytes.subarray(at + 5, at + 5 + length);
    messages.push({ flag, length, text: String(flag === 1 ? gunzipSync(body) : body) });
    at += 5 + length;
  }
  return messages;
}

describe('answers to who takes gzip', () => {
  it.each([1000, 16_383, 16_384, 200_000])('are compressed at %i bytes', async (size) => {
    const server = await start(methods(), { compressFromBytes: 1000 });
    expect(server.server.compresses).toBe(true);
    const { encoding, messages, status } = await ask(server, 'Text', `${size}`, 'identity,deflate,gzip');
    expect({ encoding, status }).toEqual({ encoding: 'gzip', status: '0' });
    expect(messages).toEqual([{ flag: 1, length: expect.any(Number), text: text(size) }]);
    expect(messages[0]?.length).toBeLessThan(size / 4);
  });

  it('are sent as they are below the limit, and when gzip would make them longer', async () => {
    const server = await start(methods(), { compressFromBytes: 1000 });
    expect((await ask(server, 'Text', '999', 'gzip')).messages).toEqual([{ flag: 0, length: 999, text: text(999) }]);
    for (const size of [1000, 20_000]) {
      const noise = (await ask(server, 'Noise', `${size}`, 'gzip')).messages[0];
      // Seven of eight bits are noise: there is a little to save, and never anything added.
      expect(noise?.length).toBeLessThanOrEqual(size);
      expect(noise?.text.length).toBe(size);
    }
  });

  it('keep the order of a stream whose messages are of all sizes', async () => {
    const server = await start(methods(), { compressFromBytes: 1000 });
    const sizes = [10, 200_000, 999, 1000, 40_000, 1, 5_000];
    const { messages, status } = await ask(server, 'Texts', sizes.join(), 'gzip');
    expect(status).toBe('0');
    expect(messages.map((message) => message.text.length)).toEqual(sizes);
    expect(messages.map(({ flag }) => flag)).toEqual([0, 1, 0, 1, 1, 0, 1]);
  });

  it('are read by a client that knows nothing of it', async () => {
    const server = await start(methods(), { compressFromBytes: 1000 });
    expect((await call(server, 'Text', '150000')).text).toBe(text(150_000));
    expect((await readAll(open(server, 'Texts', '150000,3'))).messages).toEqual([text(150_000), text(3)]);
  });

  it('end with the deadline though it passes while one is being compressed', async () => {
    const late = unary('Late', async () => {
      await sleep(30);
      return TEXT;
    });
    const server = await start([late, ...methods()], { compressFromBytes: 1000 });
    const calls = Array.from({ length: 40 }, (_, i) =>
      call(server, 'Late', '', { deadline: Date.now() + 25 + i / 2 }).then(
        () => 'OK',
        (error: { code: string }) => error.code,
      ),
    );
    const codes = new Set(await Promise.all(calls));
    codes.delete('OK');
    codes.delete('DEADLINE_EXCEEDED');
    expect([...codes]).toEqual([]);
    expect((await call(server, 'Text', '5')).text).toBe(text(5));
  });
});

describe('answers are not compressed', () => {
  it.each([undefined, '', 'identity', 'deflate', 'gzipped'])('for who accepts %s', async (accept) => {
    const server = await start(methods(), { compressFromBytes: 1000 });
    const { encoding, messages } = await ask(server, 'Text', '5000', accept);
    expect(encoding).not.toBe('gzip');
    expect(messages).toEqual([{ flag: 0, length: 5000, text: text(5000) }]);
  });

  it('where the setting is 0, beside a server where they are', async () => {
    const compressing = await start(methods(), { compressFromBytes: 1000 });
    const plain = await start(methods());
    expect(plain.server.compresses).toBe(false);
    expect((await ask(plain, 'Text', '5000', 'gzip')).messages[0]?.flag).toBe(0);
    expect((await ask(compressing, 'Text', '5000', 'gzip')).messages[0]?.flag).toBe(1);
  });

  it('where grpc-js is not as it was inside, which is said', () => {
    const changed = new Server();
    Object.assign(changed, { http2Servers: undefined });
    expect(compressResponses(changed, 1000)).toBe(false);
  });
});
