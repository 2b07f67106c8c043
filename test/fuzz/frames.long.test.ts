import { type ClientHttp2Session, connect as connectHttp2, constants } from 'node:http2';
import { type AddressInfo, connect as connectTcp, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { Status } from '../../src/shared/gen/google/rpc/status.ts';
import { RpcError } from '../../src/shared/rpc-error.ts';
import { testCluster } from '../faults/support/cluster.ts';
import { isSound, recovers } from '../faults/support/judge.ts';
import { METHODS, pathOf } from './support/contract.ts';
import { messageBytes } from './support/message-bytes.ts';
import { fillTarget, SMALL, type Target } from './support/target.ts';
import { complaintOf, pipelined } from './support/verdict.ts';

/** Broken bodies of calls, and broken connections. */
const FRAMES = 8_000;
const CONNECTIONS = 300;
const BATCH = 500;
const SESSIONS = 4;
const IN_FLIGHT = 48;
const HANG_MS = 20_000;

/** What is done to good bytes. */
const mutation = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('flip' as const), at: fc.double({ min: 0, max: 1, noNaN: true }), bit: fc.nat(7) }),
    fc.record({ kind: fc.constant('cut' as const), at: fc.double({ min: 0, max: 1, noNaN: true }) }),
    fc.record({ kind: fc.constant('append' as const), bytes: fc.uint8Array({ minLength: 1, maxLength: 64 }) }),
    fc.record({ kind: fc.constant('repeat' as const) }),
    fc.record({ kind: fc.constant('replace' as const), bytes: fc.uint8Array({ maxLength: 64 }) }),
  ),
  { maxLength: 3 },
);
type Mutation = (typeof mutation extends fc.Arbitrary<infer T> ? T : never)[number];

function mutate(bytes: Buffer, how: Mutation): Buffer {
  switch (how.kind) {
    case 'flip': {
      const copy = Buffer.from(bytes);
      const at = Math.floor(how.at * (copy.length - 1));
      if (copy.length > 0) copy.writeUInt8(copy.readUInt8(at) ^ (1 << how.bit), at);
      return copy;
    }
    case 'cut':
      return bytes.subarray(0, Math.floor(how.at * bytes.length));
    case 'append':
      return Buffer.concat([bytes, how.bytes]);
    case 'repeat':
      return Buffer.concat([bytes, bytes]);
    case 'replace':
      return Buffer.from(how.bytes);
  }
}

function framed(message: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

describe('bytes that only look like calls', () => {
  const cluster = testCluster({ servers: 1, settings: SMALL });
  let target: Target;
  beforeAll(async () => {
    target = await fillTarget(cluster);
  });

  interface Input {
    readonly path: string;
    readonly role: string;
    readonly body: Buffer;
    readonly encoding: string;
  }

  it('broken bodies are answered, each with its code and reason', async () => {
    const sessions = Array.from({ length: SESSIONS }, () => connectHttp2(`http://${cluster.address(0)}`));
    const gone: string[] = [];
    for (const session of sessions) {
      session.on('error', (error) => gone.push(error.message));
      session.on('goaway', (code) => gone.push(`GOAWAY ${code}`));
    }
    const input: fc.Arbitrary<Input> = fc.oneof(
      ...METHODS.map((method) =>
        fc.record({
          path: fc.constant(pathOf(method)),
          role: fc.constantFrom(method.parent.name === 'StatsService' ? 'operator' : 'admin', 'writer'),
          body: fc
            .tuple(messageBytes(method.input, target.words), mutation)
            .map(([message, mutations]) => mutations.reduce(mutate, framed(message))),
          encoding: fc.oneof(
            { weight: 9, arbitrary: fc.constant('identity') },
            fc.constantFrom('gzip', 'deflate', 'br'),
          ),
        }),
      ),
    );
    const codes = new Map<string, number>();
    let turn = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(input, { minLength: BATCH, maxLength: BATCH }), async (inputs) => {
        const complaints: string[] = [];
        await pipelined(inputs, IN_FLIGHT, async (each) => {
          const error = await call(sessions[turn++ % SESSIONS] as ClientHttp2Session, each);
          const name = error?.codeName ?? 'OK';
          codes.set(name, (codes.get(name) ?? 0) + 1);
          const complaint = complaintOf(error);
          if (complaint) complaints.push(`${each.path} ${each.encoding} ${each.body.toString('hex')}: ${complaint}`);
        });
        expect(complaints.slice(0, 20)).toEqual([]);
      }),
      {
        numRuns: FRAMES / BATCH,
        endOnFailure: true,
        reporter: ({ failed, seed, errorInstance }) => {
          if (failed) throw new Error(`with seed ${seed}`, { cause: errorInstance });
        },
      },
    );
    console.info([...codes].map(([name, count]) => `${count} ${name}`).join(', '));
    // One call's rubbish is not the connection's.
    expect(gone).toEqual([]);
    for (const session of sessions) session.destroy();
    await recovers(cluster, cluster.server(0).credential('admin'));
    isSound(cluster.server(0));
  });

  it('broken connections are closed or outlived, and harm nobody', async () => {
    const good = await recordedConnection(cluster.address(0), target.credentials.reader ?? '');
    const broken = fc.array(mutation, { minLength: 1, maxLength: 2 }).map((all) => all.flat().reduce(mutate, good));
    await pipelined(fc.sample(broken, CONNECTIONS), 16, async (bytes) => {
      const [host = '', port] = cluster.address(0).split(':');
      const socket = connectTcp(Number(port), host);
      socket.on('error', () => {});
      socket.resume();
      socket.end(bytes);
      // A server that leaves half a connection open does no harm; one that dies does.
      await Promise.race([new Promise((resolve) => socket.once('close', resolve)), sleep(300)]);
      socket.destroy();
    });
    await recovers(cluster, cluster.server(0).credential('admin'));
    isSound(cluster.server(0));
    const { totals } = await cluster.operator.stats.getStats({});
    // The operator's own, and whatever has not been noticed yet.
    expect(totals?.connections?.connections ?? 0).toBeLessThan(20);
  });

  function call(session: ClientHttp2Session, { path, role, body, encoding }: Input): Promise<RpcError | undefined> {
    const stream = session.request({
      [constants.HTTP2_HEADER_METHOD]: 'POST',
      [constants.HTTP2_HEADER_PATH]: path,
      'content-type': 'application/grpc',
      te: 'trailers',
      'grpc-encoding': encoding,
      authorization: `Bearer ${target.credentials[role]}`,
    });
    return new Promise((resolve) => {
      let status: Record<string, unknown> = {};
      const take = (headers: Record<string, unknown>) => {
        if (headers['grpc-status'] !== undefined) status = headers;
      };
      const hang = setTimeout(() => {
        resolve(new RpcError(4, 'no answer'));
        stream.close(constants.NGHTTP2_CANCEL);
      }, HANG_MS);
      const watching = path.endsWith('/WatchStats')
        ? setTimeout(() => {
            resolve(undefined);
            stream.close(constants.NGHTTP2_CANCEL);
          }, 50)
        : undefined;
      stream.on('response', take);
      stream.on('trailers', take);
      stream.on('error', () => {});
      stream.resume();
      stream.on('close', () => {
        clearTimeout(hang);
        clearTimeout(watching);
        resolve(errorOf(status, stream.rstCode));
      });
      stream.end(body);
    });
  }
});

function errorOf(status: Record<string, unknown>, resetCode: number | undefined): RpcError | undefined {
  const code = status['grpc-status'];
  if (code === undefined) return new RpcError(2, `no status; the stream was reset with ${resetCode}`);
  if (Number(code) === 0) return undefined;
  const packed = status['grpc-status-details-bin'];
  const details = typeof packed === 'string' ? Status.decode(Buffer.from(packed, 'base64')).details : [];
  return new RpcError(Number(code), decodeURIComponent(String(status['grpc-message'] ?? '')), details);
}

/** What a client sends for one call, byte by byte as it goes over the wire. */
async function recordedConnection(address: string, credential: string): Promise<Buffer> {
  const [host = '', port] = address.split(':');
  const sent: Buffer[] = [];
  const proxy = createServer((client) => {
    const upstream = connectTcp(Number(port), host);
    client.on('data', (chunk) => sent.push(chunk));
    for (const socket of [client, upstream]) socket.on('error', () => {});
    client.pipe(upstream).pipe(client);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const session = connectHttp2(`http://127.0.0.1:${(proxy.address() as AddressInfo).port}`);
  const stream = session.request({
    [constants.HTTP2_HEADER_METHOD]: 'POST',
    [constants.HTTP2_HEADER_PATH]: '/memoryhub.v1.MemoryService/ListStorages',
    'content-type': 'application/grpc',
    te: 'trailers',
    authorization: `Bearer ${credential}`,
  });
  stream.resume();
  stream.end(framed(Buffer.alloc(0)));
  await new Promise((resolve) => stream.once('close', resolve));
  session.destroy();
  proxy.close();
  return Buffer.concat(sent);
}
