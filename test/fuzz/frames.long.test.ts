import { type ClientHttp2Session, connect as connectHttp2, constants } from 'node:http2';
import { type AddressInfo, connect as connectTcp, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { Status } from '../../src/shared/gen/google/rpc/status.ts';
import { RpcError } from '../../src/shared/rpc-error.ts';
import { testCluster } from '../faults/support/cluster.ts';
import { isSound, recovers } from '../faults/support/judge.ts';
import { campaign, type Input, inputsOf, type Outcome, SEED, summaryOf } from './support/campaign.ts';
import { LIVES_ON, METHODS, pathOf, rolesOf, weightOf } from './support/contract.ts';
import { messageBytes } from './support/message-bytes.ts';
import { mutate, mutation } from './support/mutation.ts';
import { fillTarget, SMALL, type Target } from './support/target.ts';
import { pipelined } from './support/verdict.ts';

/** Among the calls are profiles and snapshots of the heap, which take as much again as they show. */
const MAX_RESIDENT_BYTES = 640 * 1024 * 1024;

/** Broken bodies of calls, and broken connections. */
const FRAMES = inputsOf(0.35);
const CONNECTIONS = 300;
const SESSIONS = 4;
const HANG_MS = 60_000;
/** For any number of inputs. */
const TIMEOUT_MS = 1_800_000;
const WATCH_MS = 50;
/** More of an answer is not looked into. */
const LOOKED_AT_BYTES = 256 * 1024;

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

  interface Body extends Input {
    readonly encoding: string;
  }

  it('broken bodies are answered, each with its code and reason', { timeout: TIMEOUT_MS }, async () => {
    const sessions = Array.from({ length: SESSIONS }, () => connectHttp2(`http://${cluster.address(0)}`));
    const gone: string[] = [];
    for (const session of sessions) {
      session.on('error', (error) => gone.push(error.message));
      session.on('goaway', (code) => gone.push(`GOAWAY ${code}`));
    }
    const input: fc.Arbitrary<Body> = fc.oneof(
      ...METHODS.map((method) => ({
        weight: weightOf(method),
        arbitrary: fc.record({
          path: fc.constant(pathOf(method)),
          role: fc.constantFrom(...rolesOf(method)),
          bytes: fc
            .tuple(messageBytes(method.input, target.words), mutation)
            .map(([message, mutations]) => mutations.reduce(mutate, framed(message))),
          encoding: fc.oneof(
            { weight: 9, arbitrary: fc.constant('identity') },
            { weight: 1, arbitrary: fc.constantFrom('gzip', 'deflate', 'br') },
          ),
        }),
      })),
    );
    let turn = 0;
    const tally = await campaign(input, FRAMES, target.forbidden, (each) =>
      call(sessions[turn++ % SESSIONS] as ClientHttp2Session, each),
    );
    console.info(summaryOf(tally));
    // One call's rubbish is not the connection's.
    expect(gone).toEqual([]);
    for (const session of sessions) session.destroy();
    await recovers(cluster, cluster.server(0).credential('admin'));
    isSound(cluster.server(0), MAX_RESIDENT_BYTES);
  });

  it('broken connections are closed or outlived, and harm nobody', async () => {
    const good = await recordedConnection(cluster.address(0), target.credentials.reader ?? '');
    const broken = fc.array(mutation, { minLength: 1, maxLength: 2 }).map((all) => all.flat().reduce(mutate, good));
    const seed = SEED ?? Math.trunc(Math.random() * 2 ** 31);
    console.info(`FUZZ_SEED=${seed}`);
    await pipelined(fc.sample(broken, { numRuns: CONNECTIONS, seed }), 16, async (bytes) => {
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
    isSound(cluster.server(0), MAX_RESIDENT_BYTES);
    const { totals } = await cluster.operator.stats.getStats({});
    // The operator's own, and whatever has not been noticed yet.
    expect(totals?.connections?.connections ?? 0).toBeLessThan(20);
  });

  function call(session: ClientHttp2Session, { path, role, bytes, encoding }: Body): Promise<Outcome> {
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
      const answers: Buffer[] = [];
      let looked = 0;
      const hang = setTimeout(() => {
        resolve({ error: new RpcError(4, 'no answer'), answers });
        stream.close(constants.NGHTTP2_CANCEL);
      }, HANG_MS);
      const enough = () => {
        resolve({ answers: [Buffer.concat(answers)] });
        stream.close(constants.NGHTTP2_CANCEL);
      };
      const watching = LIVES_ON.test(path) ? setTimeout(enough, WATCH_MS) : undefined;
      stream.on('response', take);
      stream.on('trailers', take);
      stream.on('error', () => {});
      stream.on('data', (chunk: Buffer) => {
        answers.push(chunk);
        looked += chunk.length;
        if (looked > LOOKED_AT_BYTES) enough();
      });
      stream.on('close', () => {
        clearTimeout(hang);
        clearTimeout(watching);
        resolve({ error: errorOf(status, stream.rstCode), answers: [Buffer.concat(answers)] });
      });
      stream.end(bytes);
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
