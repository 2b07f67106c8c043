import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { connect as connectHttp2 } from 'node:http2';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import {
  type Client,
  type ClientDuplexStream,
  credentials,
  type ServiceError as GrpcError,
  type GrpcObject,
  loadPackageDefinition,
  Metadata,
  Server,
  ServerCredentials,
  status,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { describe, expect, it } from 'vitest';
import { Role } from '../../src/server/domain/principal.ts';
import type { AnyMethod } from '../../src/server/rpc/method.ts';
import { HEALTH_DESCRIPTOR_SET, Reflection } from '../../src/server/rpc/reflection.ts';
import { call, frame, rawCall, start, type TestServer, unary, until } from './harness.ts';

interface Answer {
  listServicesResponse?: { service: { name: string }[] };
  fileDescriptorResponse?: { fileDescriptorProto: Buffer[] };
  errorResponse?: { errorCode: number };
}

type Asking = ClientDuplexStream<object, Answer>;

function connect(
  server: Pick<TestServer, 'port'>,
  version: 'v1' | 'v1alpha',
): { client: Client; ask: (key?: string) => Asking } {
  const file = new URL(import.meta.resolve(`@grpc/reflection/build/proto/grpc/reflection/${version}/reflection.proto`));
  const definition = loadPackageDefinition(loadSync(file.pathname)) as unknown as {
    grpc: { reflection: GrpcObject };
  };
  const { ServerReflection } = definition.grpc.reflection[version] as unknown as {
    ServerReflection: new (
      address: string,
      creds: unknown,
    ) => Client & { ServerReflectionInfo(metadata: Metadata): Asking };
  };
  const client = new ServerReflection(`127.0.0.1:${server.port}`, credentials.createInsecure());
  return { client, ask: (key = 'good') => client.ServerReflectionInfo(keyed(key)) };
}

function keyed(key: string): Metadata {
  const metadata = new Metadata();
  if (key !== '') metadata.set('authorization', `Bearer ${key}`);
  return metadata;
}

function answers(asking: Asking): Promise<Answer[]> {
  return new Promise((resolve, reject) => {
    const all: Answer[] = [];
    asking.on('data', (answer: Answer) => all.push(answer));
    asking.on('error', reject);
    asking.on('end', () => resolve(all));
  });
}

describe.each(['v1', 'v1alpha'] as const)('reflection %s', (version) => {
  it('lists the services and describes a method', async () => {
    const server = await start([]);
    const { client, ask } = connect(server, version);
    const asking = ask();
    asking.write({ listServices: '*' });
    asking.write({ fileContainingSymbol: 'memoryhub.v1.MemoryService.SaveMemory' });
    asking.write({ fileContainingSymbol: '__proto__.constructor' });
    asking.end();
    const [services, file, nothing] = await answers(asking);
    expect(services?.listServicesResponse?.service.map(({ name }) => name).sort()).toEqual([
      'grpc.health.v1.Health',
      'memoryhub.v1.AdminService',
      'memoryhub.v1.ConfigService',
      'memoryhub.v1.MemoryService',
      'memoryhub.v1.StatsService',
    ]);
    const files = (file?.fileDescriptorResponse?.fileDescriptorProto ?? []).map((bytes) =>
      fromBinary(FileDescriptorProtoSchema, bytes),
    );
    expect(files.flatMap((one) => one.service.map(({ name }) => name))).toContain('MemoryService');
    expect(files.map(({ name }) => name)).toContain('google/protobuf/struct.proto');
    expect(nothing?.errorResponse?.errorCode).toBe(5);
    client.close();
  });

  it('wants a key, of any role, unless it is opened', async () => {
    const server = await start([]);
    const { client, ask } = connect(server, version);
    for (const key of ['', 'wrong']) {
      const asking = ask(key);
      asking.write({ listServices: '*' });
      await expect(answers(asking)).rejects.toMatchObject({ code: status.UNAUTHENTICATED });
    }
    client.close();
    const opened = await start([], { openIntrospection: true });
    const other = connect(opened, version);
    const asking = other.ask('');
    asking.write({ listServices: '*' });
    asking.end();
    expect((await answers(asking))[0]?.listServicesResponse?.service.length).toBeGreaterThan(3);
    other.client.close();
  });

  it.each([
    ['many at a time', 1],
    ['each in a piece of its own', 40_000],
  ])('answers no faster than its answers are taken, to questions that come %s', async (_how, pieces) => {
    const server = await start([]);
    const session = connectHttp2(`http://127.0.0.1:${server.port}`);
    const asking = session.request({
      ':method': 'POST',
      ':path': `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`,
      'content-type': 'application/grpc',
      authorization: 'Bearer good',
    });
    asking.pause();
    // list_services: "*", far more often than flow control lets through unless it is read.
    const questions = Buffer.concat(Array.from({ length: 40_000 / pieces }, () => frame(Buffer.of(0x3a, 0x01, 0x2a))));
    let taken = false;
    for (let piece = 1; piece < pieces; piece++) asking.write(questions);
    asking.end(questions, () => {
      taken = true;
    });
    await delay(500);
    expect(taken).toBe(false);
    asking.resume();
    await until(() => taken, 'all questions were taken');
    session.destroy();
  });

  it('refuses bytes that are no message, and goes on serving', async () => {
    const server = await start([]);
    const path = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
    const refusal = await rawCall(server, path, frame(Buffer.of(0x0f)));
    expect(refusal).toMatchObject({ code: 'INVALID_ARGUMENT', reason: 'memoryhub/MALFORMED_MESSAGE' });
    await call(server, '/grpc.health.v1.Health/Check');
  });

  it('ends with the server', async () => {
    const server = await start([]);
    const { client, ask } = connect(server, version);
    const asking = ask();
    let code: number | undefined;
    asking.on('error', (error: Error & { code?: number }) => {
      code = error.code;
    });
    const first = new Promise((resolve) => asking.once('data', resolve));
    asking.write({ listServices: '*' });
    await first;
    await server.server.drain(5_000);
    await until(() => code !== undefined, 'it ended');
    expect(code).toBe(14);
    client.close();
  });
});

it('says why it cannot be told to the log and not to its caller, and tries again for the next', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'reflection-'));
  const set = join(folder, 'set.binpb');
  const logged: unknown[] = [];
  const grpc = new Server();
  new Reflection({ unexpectedError: (...of) => logged.push(of) }, [set]).addTo(grpc, async () => {});
  const port = await promisify(grpc.bindAsync.bind(grpc))('127.0.0.1:0', ServerCredentials.createInsecure());
  const { client, ask } = connect({ port }, 'v1');
  try {
    const asking = ask();
    asking.write({ listServices: '*' });
    const refusal = await answers(asking).catch((error: GrpcError) => error);
    expect(refusal).toMatchObject({ code: status.INTERNAL, details: expect.not.stringContaining(folder) });
    const [callId] = (refusal as GrpcError).metadata.get('x-request-id');
    const path = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo';
    expect(logged).toEqual([[path, callId, undefined, expect.objectContaining({ code: 'ENOENT' })]]);

    await copyFile(HEALTH_DESCRIPTOR_SET, set);
    const again = ask();
    again.write({ listServices: '*' });
    again.end();
    expect((await answers(again))[0]?.listServicesResponse?.service).toEqual([{ name: 'grpc.health.v1.Health' }]);
  } finally {
    client.close();
    grpc.forceShutdown();
    await rm(folder, { recursive: true });
  }
});

describe('buf curl', () => {
  it('needs nothing but address and key', async () => {
    const server = await start([]);
    const run = promisify(execFile);
    const { stdout } = await run('node_modules/.bin/buf', [
      'curl',
      '--http2-prior-knowledge',
      '--protocol=grpc',
      '--header=authorization: Bearer good',
      '--reflect-header=*',
      '--list-methods',
      `http://127.0.0.1:${server.port}`,
    ]);
    expect(stdout.split('\n')).toContain('memoryhub.v1.MemoryService/SaveMemory');
    expect(stdout.split('\n')).toContain('grpc.health.v1.Health/Check');
  });
});

describe('the descriptor set of health', () => {
  it('is that of the health protocol we serve', async () => {
    const out = join(await mkdtemp(join(tmpdir(), 'memoryhub-health-')), 'health.binpb');
    await promisify(execFile)('node_modules/.bin/buf', [
      'build',
      'node_modules/grpc-health-check/proto',
      '--as-file-descriptor-set',
      '--exclude-source-info',
      '-o',
      out,
    ]);
    expect(readFileSync('proto/health.binpb').equals(readFileSync(out))).toBe(true);
    await rm(dirname(out), { recursive: true });
  });
});

describe('statistics', () => {
  const stats = () => {
    const method = unary('Get', async () => 'numbers', [Role.MONITOR]);
    return { ...method, definition: { ...method.definition, path: '/memoryhub.v1.StatsService/Get' } } as AnyMethod;
  };
  const keyless = { headers: { authorization: '' } };

  it('want a key of their roles, unless they are opened', async () => {
    const server = await start([stats()]);
    await expect(call(server, '/memoryhub.v1.StatsService/Get', '', keyless)).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
    });
    await expect(call(server, '/memoryhub.v1.StatsService/Get')).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
  });

  it('are open where the setting says so, and nothing else is', async () => {
    const server = await start([stats(), unary('Echo', async (_call, text) => text)], { openIntrospection: true });
    expect((await call(server, '/memoryhub.v1.StatsService/Get', '', keyless)).text).toBe('numbers');
    await expect(call(server, 'Echo', '', keyless)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  });
});
