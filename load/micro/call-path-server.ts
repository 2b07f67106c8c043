/**
 * One rung of call-path.ts: the server's own call path, with the parts named in the first argument (by
 * comma) switched off. No database: the one memory is in the cache of the process, as after its first
 * read. Prints its address; the next two arguments are the key's credential and the message in base 64. For
 * switched.ts a fourth one names a part that each message of its parent switches, and is answered with what was
 * used until then.
 */
import { CachedMemoryRepository } from '../../src/server/cache/cached-memory-repository.ts';
import { UNBOUND } from '../../src/server/domain/access.ts';
import type { CallContext } from '../../src/server/domain/call-context.ts';
import { MemoryRecord } from '../../src/server/domain/memory.ts';
import { MemoryService } from '../../src/server/domain/memory-service.ts';
import { Role } from '../../src/server/domain/principal.ts';
import type { MemoryRepository } from '../../src/server/domain/repository.ts';
import type { MetadataSealing } from '../../src/server/domain/sealing/metadata-sealing.ts';
import { keepHeapNearItsContent } from '../../src/server/heap.ts';
import type { CallRecord, CallRecorder, MethodRecorder, ServerTracer } from '../../src/server/rpc/call-observer.ts';
import { getMemory } from '../../src/server/rpc/memory/get-memory.ts';
import { protoCodec } from '../../src/server/rpc/memory/proto-codec.ts';
import { type AnyMethod, type Call, EncodedMessage } from '../../src/server/rpc/method.ts';
import { createServer } from '../../src/server/rpc/server.ts';
import { hashSecret, parseApiKey } from '../../src/server/security/api-key.ts';
import { Authenticator } from '../../src/server/security/authenticator.ts';
import { StatsRecorder } from '../../src/server/stats/recorder.ts';
import { startTracing } from '../../src/server/telemetry/tracing.ts';
import { GetMemoryRequest } from '../../src/shared/gen/memoryhub/v1/memory_service.ts';

/** Since the start. */
export interface Used {
  readonly calls: number;
  /** Microseconds of the processor, of all threads. */
  readonly cpuUs: number;
}

keepHeapNearItsContent();

const POLL_MS = 250;
const [switchedOff = '', credential = '', message = '', switched = ''] = process.argv.slice(2);
const off = new Set(switchedOff.split(','));
const bytes = Buffer.from(message, 'base64');
const memory = protoCodec.decode(bytes);

/** What is below the cache: a database that always has this one memory. */
const below = {
  get: async (_call: CallContext, ids: readonly string[]) =>
    ids.map((id) => (id === memory.id ? new MemoryRecord(memory, protoCodec, memory, bytes) : undefined)),
} as unknown as MemoryRepository;
const cache = new CachedMemoryRepository(below, {
  codec: protoCodec,
  epochs: { epoch: () => 0, lastPollAt: 0 },
  bumpCacheEpoch: async () => {},
  localMaxBytes: 1 << 20,
  ownership: 'sole',
});
/** Without cache and domain, but with a record as they would answer. */
const record = new MemoryRecord(memory, protoCodec, memory, bytes);
const constant = { get: () => Promise.resolve([record]) } as unknown as MemoryRepository;

const now = Date.now() * 1000;
const service = new MemoryService({
  repository: off.has('cache') ? constant : cache,
  clock: { now: () => now },
  tokens: { seal: () => '', open: () => Buffer.alloc(0) },
  // A read that reveals nothing does not look at it.
  sealing: {} as MetadataSealing,
});

const key = parseApiKey(credential);
const principal = {
  keyId: key?.id ?? '',
  name: 'ladder',
  role: Role.ADMIN,
  workspaceId: 1,
  workspace: 'default',
  access: UNBOUND,
};
const authenticator = new Authenticator({
  findApiKey: async () => ({
    ...principal,
    id: principal.keyId,
    description: '',
    createTime: 0,
    expireTime: undefined,
    lastUseTime: undefined,
    rotateTime: undefined,
    previous: undefined,
    revokeTime: undefined,
    secretHash: hashSecret(key?.secret ?? ''),
  }),
});
const poll = () => authenticator.generationsPolled({ authentication: 0 }, performance.now());
poll();
setInterval(poll, POLL_MS).unref();

const noRecorder: CallRecorder = {
  methods: (paths) =>
    paths.map(() => ({ begin() {}, end() {}, streamOpened() {}, streamStalled() {}, streamClosed() {} })),
  shed() {},
};

/** GetMemory, or as much of it as is switched on. */
function method(): AnyMethod {
  const whole = getMemory(service);
  const encoded = new EncodedMessage(bytes);
  const request = GetMemoryRequest.fromPartial({ target: { $case: 'id', value: memory.id } });
  const definition = off.has('decode')
    ? { ...whole.definition, foreign: true as const, requestDeserialize: () => request }
    : whole.definition;
  const handle = off.has('domain') ? () => Promise.resolve(encoded) : whole.handle.bind(whole);
  if (switched === '') return { ...whole, definition, handle } as AnyMethod;
  const counting = (call: Call, message: GetMemoryRequest) => {
    calls += 1;
    return handle(call, message);
  };
  return { ...whole, definition, handle: counting } as AnyMethod;
}

let isOn = false;
let calls = 0;
process.on('message', (on: boolean) => {
  const { user, system } = process.cpuUsage();
  process.send?.({ calls, cpuUs: user + system } satisfies Used);
  isOn = on;
});

/** Traces the calls that begin while it is switched on. */
async function switchedTracer(): Promise<ServerTracer> {
  const log = { error() {}, warn() {}, info() {}, debug() {}, verbose() {} };
  const where = { serverAddress: '127.0.0.1', serverPort: 0, only: 'traces' } as const;
  const endpoint = process.env.OTEL_EXPORTER_OTLP_ENDPOINT;
  const { tracer } = await startTracing({ endpoint, version: 'ladder', ...where, log });
  if (tracer === undefined) throw new Error('tracing is not on: OTEL_EXPORTER_OTLP_ENDPOINT is not set');
  return { start: (path, header) => (isOn ? tracer.start(path, header) : undefined) };
}

/** Counts while it is switched on: a call that is under way then may have begun or ended uncounted. */
function switchedRecorder(): CallRecorder {
  const recorder = new StatsRecorder();
  const methods = (paths: readonly string[]) => {
    const none = noRecorder.methods(paths);
    return recorder.methods(paths).map((method, at) => ({
      ...(none[at] as MethodRecorder),
      begin: () => isOn && method.begin(),
      end: (record: CallRecord) => isOn && method.end(record),
    }));
  };
  return { ...noRecorder, methods };
}

const recorder = off.has('stats') ? noRecorder : new StatsRecorder();
const server = createServer({
  methods: [method()],
  authenticator: off.has('auth') ? { verify: () => principal } : authenticator,
  recorder: switched === 'statistics' ? switchedRecorder() : recorder,
  log: { unexpectedError: (...what) => console.error(...what) },
  tracer: switched === 'tracing' ? await switchedTracer() : undefined,
});
const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
console.log(`127.0.0.1:${port}`);
process.once('SIGTERM', () => process.exit(0));
process.once('disconnect', () => process.exit(0));
