import { Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RpcError, toRpcError } from '../../src/shared/rpc-error.ts';
import { testCluster } from '../faults/support/cluster.ts';
import { isSound, recovers } from '../faults/support/judge.ts';
import { METHODS, pathOf } from './support/contract.ts';
import { messageBytes } from './support/message-bytes.ts';
import { fillTarget, SMALL, type Target } from './support/target.ts';
import { complaintOf, pipelined } from './support/verdict.ts';

/** Messages in all, spread over the RPCs. */
const INPUTS = 14_000;
const BATCH = 500;
const CONNECTIONS = 4;
const IN_FLIGHT = 48;
/** An answer that takes longer is a hang. */
const HANG_MS = 20_000;
/** WatchStats says nothing for up to a minute, and rightly: open for this long it is well. */
const WATCH_MS = 50;
/** Messages of a stream that are read before it is cancelled. */
const MESSAGES_READ = 2;

describe('messages nobody would send', () => {
  const cluster = testCluster({ servers: 1, settings: SMALL });
  const clients: Client[] = [];
  let target: Target;
  beforeAll(async () => {
    target = await fillTarget(cluster);
    for (let count = 0; count < CONNECTIONS; count++) {
      clients.push(
        new Client(cluster.address(0), credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 }),
      );
    }
  });
  afterAll(() => {
    for (const client of clients) client.close();
  });

  interface Input {
    readonly path: string;
    readonly streams: boolean;
    readonly role: string;
    readonly bytes: Uint8Array;
  }

  it('are answered, by no crash, no INTERNAL, no UNKNOWN, no hang and no word of the inside', async () => {
    const roles = Object.keys(target.credentials);
    const input: fc.Arbitrary<Input> = fc.oneof(
      ...METHODS.map((method) =>
        fc.record({
          path: fc.constant(pathOf(method)),
          streams: fc.constant(method.methodKind === 'server_streaming'),
          // Mostly by keys that may: a refusal for the role alone shows nothing.
          role: fc.oneof(
            { weight: 5, arbitrary: fc.constantFrom(...rolesFor(method.parent.name)) },
            { weight: 1, arbitrary: fc.constantFrom(...roles) },
          ),
          bytes: messageBytes(method.input, target.words),
        }),
      ),
    );
    const codes = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(fc.array(input, { minLength: BATCH, maxLength: BATCH }), async (inputs) => {
        const complaints: string[] = [];
        await pipelined(inputs, IN_FLIGHT, async (each) => {
          const error = await send(each);
          const name = error?.codeName ?? 'OK';
          codes.set(name, (codes.get(name) ?? 0) + 1);
          const complaint = complaintOf(error);
          if (complaint)
            complaints.push(`${each.path} as ${each.role} ${Buffer.from(each.bytes).toString('hex')}: ${complaint}`);
        });
        expect(complaints.slice(0, 20)).toEqual([]);
      }),
      // Five hundred at once are not made simpler; the complaint holds the bytes.
      {
        numRuns: INPUTS / BATCH,
        endOnFailure: true,
        reporter: ({ failed, seed, errorInstance }) => {
          if (failed) throw new Error(`with seed ${seed}`, { cause: errorInstance });
        },
      },
    );
    console.info([...codes].map(([name, count]) => `${count} ${name}`).join(', '));
    // Most of what is sent must reach the rules and the database, or this test shows little.
    expect(codes.get('OK')).toBeGreaterThan(INPUTS / 20);
    await recovers(cluster, cluster.server(0).credential('admin'));
    isSound(cluster.server(0));
  });

  let turn = 0;
  function send({ path, streams, role, bytes }: Input): Promise<RpcError | undefined> {
    const client = clients[turn++ % clients.length] as Client;
    const metadata = new Metadata();
    metadata.set('authorization', `Bearer ${target.credentials[role]}`);
    const deadline = Date.now() + HANG_MS;
    const asIs = (value: Buffer) => value;
    return new Promise((resolve) => {
      const done = (error: ServiceError | null) => resolve(error === null ? undefined : toRpcError(error));
      const request = Buffer.from(bytes);
      if (!streams) {
        client.makeUnaryRequest(path, asIs, asIs, request, metadata, { deadline }, done);
        return;
      }
      const stream = client.makeServerStreamRequest(path, asIs, asIs, request, metadata, { deadline });
      const enough = () => {
        done(null);
        stream.cancel();
      };
      if (path.endsWith('/WatchStats')) setTimeout(enough, WATCH_MS);
      let messages = 0;
      stream.on('data', () => {
        messages += 1;
        if (messages === MESSAGES_READ) enough();
      });
      stream.on('error', done);
      stream.on('end', () => done(null));
    });
  }
});

function rolesFor(service: string): string[] {
  if (service === 'MemoryService') return ['reader', 'writer', 'writer', 'admin', 'bound writer'];
  return service === 'AdminService' ? ['admin', 'operator'] : ['monitor', 'operator'];
}
