import { Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toRpcError } from '../../src/shared/rpc-error.ts';
import { testCluster } from '../faults/support/cluster.ts';
import { isSound, recovers } from '../faults/support/judge.ts';
import { campaign, type Input, inputsOf, type Outcome, summaryOf } from './support/campaign.ts';
import { LIVES_ON, METHODS, pathOf, rolesOf, weightOf } from './support/contract.ts';
import { messageBytes } from './support/message-bytes.ts';
import { fillTarget, SMALL, type Target } from './support/target.ts';

/** Among the calls are profiles and snapshots of the heap, which take as much again as they show. */
const MAX_RESIDENT_BYTES = 640 * 1024 * 1024;

/** Messages in all, spread over the RPCs. */
const INPUTS = inputsOf(0.65);
/** For any number of inputs. */
const TIMEOUT_MS = 1_800_000;
const CONNECTIONS = 4;
/** An answer that takes longer is a hang. */
const HANG_MS = 60_000;
/** A stream that may rightly say nothing for long is well when it is open for this long. */
const WATCH_MS = 50;
/** Messages of a stream that are read before it is cancelled. */
const MESSAGES_READ = 2;
/** Reasons that stand before the message is looked at. */
const TURNED_AWAY = new Set(['ROLE_DENIED', 'CREDENTIAL_INVALID', 'CREDENTIAL_MISSING', 'CREDENTIAL_EXPIRED']);

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

  interface Message extends Input {
    readonly streams: boolean;
  }

  it('are answered, by no crash, no INTERNAL, no UNKNOWN, no hang and no word of the inside', {
    timeout: TIMEOUT_MS,
  }, async () => {
    const everybody = Object.keys(target.credentials);
    const input: fc.Arbitrary<Message> = fc.oneof(
      ...METHODS.map((method) => ({
        weight: weightOf(method),
        arbitrary: fc.record({
          path: fc.constant(pathOf(method)),
          streams: fc.constant(method.methodKind === 'server_streaming'),
          // Mostly by keys that may: a refusal for the role alone shows nothing.
          role: fc.oneof(
            { weight: 9, arbitrary: fc.constantFrom(...rolesOf(method)) },
            { weight: 1, arbitrary: fc.constantFrom(...everybody) },
          ),
          bytes: messageBytes(method.input, target.words),
        }),
      })),
    );
    const tally = await campaign(input, INPUTS, target.forbidden, send);
    console.info(summaryOf(tally));
    // What is sent must reach the rules and the database, of every RPC, or this test shows little.
    const reached = ([, ended]: [string, Map<string, number>]) =>
      [...ended.keys()].some((name) => !TURNED_AWAY.has(name));
    expect([...tally].filter((each) => !reached(each)).map(([path]) => path)).toEqual([]);
    expect([...tally.keys()].toSorted()).toEqual(METHODS.map(pathOf).toSorted());
    const answered = [...tally.values()].reduce((sum, ended) => sum + (ended.get('OK') ?? 0), 0);
    expect(answered).toBeGreaterThan(INPUTS / 20);
    await recovers(cluster, cluster.server(0).credential('admin'));
    isSound(cluster.server(0), MAX_RESIDENT_BYTES);
  });

  let turn = 0;
  function send({ path, streams, role, bytes }: Message): Promise<Outcome> {
    const client = clients[turn++ % clients.length] as Client;
    const metadata = new Metadata();
    metadata.set('authorization', `Bearer ${target.credentials[role]}`);
    const deadline = Date.now() + HANG_MS;
    const asIs = (value: Buffer) => value;
    const answers: Buffer[] = [];
    return new Promise((resolve) => {
      const done = (error: ServiceError | null) =>
        resolve({ error: error === null ? undefined : toRpcError(error), answers });
      const request = Buffer.from(bytes);
      if (!streams) {
        client.makeUnaryRequest(path, asIs, asIs, request, metadata, { deadline }, (error, answer) => {
          if (answer) answers.push(answer);
          done(error);
        });
        return;
      }
      const stream = client.makeServerStreamRequest(path, asIs, asIs, request, metadata, { deadline });
      const enough = () => {
        done(null);
        stream.cancel();
      };
      if (LIVES_ON.test(path)) setTimeout(enough, WATCH_MS);
      stream.on('data', (answer: Buffer) => {
        if (answers.push(answer) === MESSAGES_READ) enough();
      });
      stream.on('error', done);
      stream.on('end', () => done(null));
    });
  }
});
