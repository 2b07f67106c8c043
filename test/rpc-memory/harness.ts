import { randomBytes, randomUUID } from 'node:crypto';
import { Metadata } from '@grpc/grpc-js';
import { afterAll, beforeAll } from 'vitest';
import { type Access, UNBOUND } from '../../src/server/domain/access.ts';
import { MemoryService } from '../../src/server/domain/memory-service.ts';
import { Role } from '../../src/server/domain/principal.ts';
import { MemoryPurge } from '../../src/server/domain/purge.ts';
import { GenerationPoller } from '../../src/server/generation-poller.ts';
import { createAdminRepository } from '../../src/server/repository/admin-repository.ts';
import { createPurgeRepository, createPurgeSweeper } from '../../src/server/repository/purge.ts';
import { memoryMethods } from '../../src/server/rpc/memory/memory-methods.ts';
import type { AnyMethod } from '../../src/server/rpc/method.ts';
import { createServer } from '../../src/server/rpc/server.ts';
import { generateApiKey } from '../../src/server/security/api-key.ts';
import { Authenticator } from '../../src/server/security/authenticator.ts';
import { TokenSealer } from '../../src/server/security/token-sealer.ts';
import { StatsRecorder } from '../../src/server/stats/recorder.ts';
import { connect } from '../../src/shared/client.ts';
import { BadRequest } from '../../src/shared/gen/google/rpc/error_details.ts';
import type { Memory } from '../../src/shared/gen/memoryhub/v1/memory.ts';
import { MemoryServiceClient, SaveMemoryRequest } from '../../src/shared/gen/memoryhub/v1/memory_service.ts';
import { RpcError, toRpcError } from '../../src/shared/rpc-error.ts';
import { MemoryHub } from '../../src/shared/service-client.ts';
import { testRepository } from '../repository/support/repository.ts';
import { openSealing, type SealingUnderTest } from '../support/sealing.ts';

export type Memories = MemoryHub['memories'];

/** Names that the configuration adds to those that are sealed. */
const ADDED_NAMES = ['pin'];

/** A workspace of its own, behind a real server, and the keys to it. */
export interface TestWorkspace {
  readonly name: string;
  readonly id: number;
  /** An unbound writer. */
  readonly memories: Memories;
  /** Calls with another key of the same workspace. */
  withKey(access: Partial<Access>, role?: Role): Promise<Memories>;
  /** The credential of a new unbound key, a writer's unless another role is named. */
  credential(role?: Role): Promise<string>;
}

export interface MemoryServer {
  readonly service: MemoryService;
  readonly keys: SealingUnderTest;
  readonly repository: ReturnType<ReturnType<typeof testRepository>>;
  readonly address: string;
  /** Faults the server logged; each test expects none. */
  readonly faults: unknown[];
  /** Calls of each method that ended since this was asked last, by the server's own count. */
  calls(): Record<string, number>;
  newWorkspace(name?: string): Promise<TestWorkspace>;
}

/**
 * The memory RPCs on a socket, over the real chain, keys, repository and database; for a whole file.
 *
 * @param more further RPCs of the same server
 */
export function memoryServer(
  options: Parameters<typeof testRepository>[0] = {},
  more: (recorder: StatsRecorder) => readonly AnyMethod[] = () => [],
): () => MemoryServer {
  const repository = testRepository(options);
  const ends: (() => unknown)[] = [];
  let running: MemoryServer | undefined;
  beforeAll(async () => {
    const admin = createAdminRepository(repository().database);
    const clock = new GenerationPoller(admin);
    await clock.start();
    const tokens = new TokenSealer(randomBytes(32));
    const { repository: store, database } = repository();
    const keys = await openSealing(database);
    const sealing = keys.metadata(store, ADDED_NAMES);
    const service = new MemoryService({ repository: store, clock, tokens, sealing });
    const faults: unknown[] = [];
    const sweeper = createPurgeSweeper(repository().database, (error) => faults.push(error));
    ends.push(() => sweeper.stop());
    const purge = new MemoryPurge(
      createPurgeRepository(repository().database, sweeper),
      {
        removing: (_call, _ids, remove) => remove(false),
      },
      sealing.names,
    );
    const authenticator = new Authenticator(admin);
    const recorder = new StatsRecorder();
    const calls = () => {
      const ended = recorder.drain().methods.filter(({ completed }) => completed > 0n);
      return Object.fromEntries(
        ended.map(({ method, completed }) => [method.slice(method.lastIndexOf('/') + 1), Number(completed)]),
      );
    };
    const server = createServer({
      methods: [...memoryMethods(service, purge), ...more(recorder)],
      authenticator,
      recorder,
      log: { unexpectedError: (_path, _callId, _traceId, error) => faults.push(error) },
    });
    const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
    const address = `127.0.0.1:${port}`;
    ends.push(
      () => server.drain(0),
      () => clock.stop(),
    );

    const newWorkspace = async (name: string = randomUUID()): Promise<TestWorkspace> => {
      const { id } = await admin.createWorkspace(name, '');
      const newKey = async (access: Access, role: Role) => {
        const { id: keyId, secretHash, credential } = generateApiKey();
        await admin.createApiKey({ id: keyId, name: 'tester', role, workspaceId: id, access, secretHash });
        return credential;
      };
      const withKey: TestWorkspace['withKey'] = async (access, role = Role.WRITER) => {
        const hub = new MemoryHub({
          address,
          credential: await newKey({ ...UNBOUND, ...access }, role),
          channel: { 'grpc.use_local_subchannel_pool': 1 },
        });
        ends.push(() => hub.close());
        return hub.memories;
      };
      return {
        name,
        id,
        withKey,
        memories: await withKey({}),
        credential: (role = Role.WRITER) => newKey(UNBOUND, role),
      };
    };
    running = { service, keys, repository: repository(), address, faults, calls, newWorkspace };
  });
  afterAll(async () => {
    for (const end of ends.reverse()) await end();
  });
  return () => {
    if (running === undefined) throw new Error('the server is there only while tests and hooks run');
    return running;
  };
}

/** SaveMemory through the generated client alone: the answer, and the answer's metadata. */
export function saveRaw(server: MemoryServer, credential: string, content: string) {
  const client = connect(MemoryServiceClient, { address: server.address, credential });
  return new Promise<{ saved: Memory; headers: Metadata }>((resolve, reject) => {
    let headers = new Metadata();
    const request = SaveMemoryRequest.fromPartial({ memory: { content } });
    const call = client.saveMemory(request, (error, saved) => {
      client.close();
      if (error) reject(toRpcError(error));
      else resolve({ saved, headers });
    });
    call.on('metadata', (received) => {
      headers = received;
    });
  });
}

/** What a call was refused with. */
export async function refusalOf(call: Promise<unknown> | AsyncIterable<unknown>): Promise<RpcError> {
  try {
    await (Symbol.asyncIterator in call ? collect(call) : call);
  } catch (error) {
    if (error instanceof RpcError) return error;
    throw error;
  }
  throw new Error('it was answered');
}

/** The fields a refusal names, in order. */
export function fieldsOf(error: RpcError): string[] {
  return violationsOf(error).map(({ field }) => field);
}

export function violationsOf(error: RpcError): { field: string; description: string }[] {
  const detail = error.details.find(({ typeUrl }) => typeUrl.endsWith('BadRequest'));
  const violations = detail === undefined ? [] : BadRequest.decode(detail.value).fieldViolations;
  return violations.map(({ field, description }) => ({ field, description }));
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
