import { setImmediate as nextTurn } from 'node:timers/promises';
import { Server as GrpcServer, ServerCredentials, type UntypedHandleCall } from '@grpc/grpc-js';
import { LIMITS } from '../../shared/limits.ts';
import { shuttingDown } from './call-chain.ts';
import { takeCallsIn } from './call-intake.ts';
import type { AccessLog, CallRecorder, RefusalObserver, ServerTracer, SlowCalls, WireLog } from './call-observer.ts';
import { refuseEarly } from './early-refusal.ts';
import { Health } from './health.ts';
import { AUTHORIZATION_HEADER, header } from './metadata.ts';
import type { AnyMethod } from './method.ts';
import { OpenSessions } from './open-sessions.ts';
import { OverloadGate } from './overload-gate.ts';
import { Reflection, type ReflectionCall } from './reflection.ts';
import { recordRefusal } from './refused-call.ts';
import { compressResponses } from './response-compression.ts';
import { type ListenAddress, Listener } from './server-listener.ts';
import {
  type CredentialVerifier,
  type RateLimiter,
  type RegisteredMethod,
  registerMethods,
  type ServerState,
  STATS_SERVICE,
} from './server-method.ts';
import { streamHandler } from './server-stream.ts';
import { accountRefusals, describeUnknownMethods, peerOf } from './server-transport.ts';
import { forgetStreamsEarly } from './session-streams.ts';
import { TrustedHosts } from './trusted-hosts.ts';
import { unaryHandler } from './unary.ts';

/** How long a server that stops goes on taking connections that are made: some hundreds may wait, each takes a turn. */
const TAKE_MS = 2_000;
/** How long a server that stops waits for a good moment to close a connection: nginx may be busy with others. */
const LEAVE_MS = 2_000;

/** What one server takes at most. */
export interface ServerLimits {
  /** Bytes of a request message. */
  readonly maxRequestBytes: number;
  /** Calls at a time on one connection; a client's further ones wait there. */
  readonly maxConcurrentStreams: number;
  readonly maxConnections: number;
  /** Megabytes that one connection may make HTTP/2 keep. */
  readonly maxSessionMemoryMb: number;
  /** A silent connection is pinged after this long, and closed when it does not answer in time. */
  readonly keepaliveTimeMs: number;
  readonly keepaliveTimeoutMs: number;
  /** A connection without a call is closed after this long. */
  readonly maxConnectionIdleMs: number;
  /** Connections take no new calls from this age on, a tenth more or less, so that callers spread; 0: never. */
  readonly maxConnectionAgeMs: number;
  /** A stream whose reader takes nothing for this long is ended. */
  readonly readerStallMs: number;
  /** How long the status of such a stream may wait for its reader. */
  readonly statusFlushMs: number;
  /** How often the keys of open streams are looked at again. */
  readonly credentialRecheckMs: number;
}

export const DEFAULT_SERVER_LIMITS: ServerLimits = {
  maxRequestBytes: LIMITS.unaryBytes.max,
  maxConcurrentStreams: 256,
  maxConnections: 8192,
  maxSessionMemoryMb: 64,
  keepaliveTimeMs: 60_000,
  keepaliveTimeoutMs: 20_000,
  maxConnectionIdleMs: 30 * 60_000,
  maxConnectionAgeMs: 0,
  readerStallMs: 60_000,
  statusFlushMs: 5_000,
  credentialRecheckMs: 1_000,
};

export interface ServerOptions {
  readonly methods: readonly AnyMethod[];
  readonly authenticator: CredentialVerifier;
  readonly recorder: CallRecorder;
  readonly log: WireLog;
  readonly tracer?: ServerTracer | undefined;
  readonly accessLog?: AccessLog | undefined;
  readonly slowCalls?: SlowCalls | undefined;
  readonly refusals?: RefusalObserver | undefined;
  /** Names the server may be addressed by; undefined: any. */
  readonly trustedHosts?: readonly string[] | undefined;
  /** Reflection and statistics answer without a key. */
  readonly openIntrospection?: boolean;
  /** Size of answers from which on they are compressed for callers that take gzip, in bytes; 0: never. */
  readonly compressFromBytes?: number;
  readonly rateLimits?: RateLimiter | undefined;
  /** Lateness of the event loop from which on calls are refused, in milliseconds; 0: never, nor for how long they wait. */
  readonly overloadLagMs?: number;
  readonly limits?: Partial<ServerLimits>;
}

/** The wire: RPCs, health and reflection on one port. */
export function createServer(options: ServerOptions): RpcServer {
  return new RpcServer(options);
}

export class RpcServer {
  /** Say here what serves; nothing does at first. */
  readonly health = new Health();
  readonly #reflection: Reflection;
  readonly #limits: ServerLimits;
  readonly #state: ServerState;
  readonly #server: GrpcServer;
  readonly #compressFromBytes: number;
  /** Whether answers are compressed, once it listens: not when that is off, or grpc-js has changed inside. */
  compresses = false;
  #listener: Listener | undefined;
  #sessions: OpenSessions | undefined;
  #recheck: NodeJS.Timeout | undefined;

  constructor(options: ServerOptions) {
    this.#limits = { ...DEFAULT_SERVER_LIMITS, ...options.limits };
    this.#state = {
      authenticator: options.authenticator,
      recorder: options.recorder,
      tracer: options.tracer,
      accessLog: options.accessLog,
      slowCalls: options.slowCalls,
      refusals: options.refusals,
      rateLimits: options.rateLimits,
      gate: options.overloadLagMs ? new OverloadGate(options.overloadLagMs) : undefined,
      trustedHosts: options.trustedHosts && new TrustedHosts(options.trustedHosts),
      log: options.log,
      stallMs: this.#limits.readerStallMs,
      flushMs: this.#limits.statusFlushMs,
      streams: new Set(),
      draining: false,
    };
    this.#server = new GrpcServer(grpcOptions(this.#limits));
    takeCallsIn(this.#server, this.#limits.maxRequestBytes);
    describeUnknownMethods(this.#server);
    const { openIntrospection = false, compressFromBytes = 0 } = options;
    this.#compressFromBytes = compressFromBytes;
    const methods = [
      ...options.methods.map((method) => introspected(method, openIntrospection)),
      ...this.health.methods(),
    ];
    for (const method of registerMethods(methods, options.recorder, this.#state)) this.#register(method);
    this.#reflection = new Reflection(options.log);
    this.#reflection.addTo(this.#server, (wire) => this.#admitReflection(wire, openIntrospection));
  }

  /** Connections open now. */
  get connections(): number {
    return this.#listener?.connections ?? 0;
  }

  /** Server-streaming calls open now. */
  get openStreams(): number {
    return this.#state.streams.size;
  }

  /**
   * Begins to take calls.
   *
   * @returns the address with the real port
   * @throws ListenError
   */
  async listen(address: ListenAddress, credentials = ServerCredentials.createInsecure()): Promise<ListenAddress> {
    const injector = this.#server.createConnectionInjector(credentials);
    this.#sessions = new OpenSessions(this.#server);
    forgetStreamsEarly(this.#server);
    if (this.#compressFromBytes > 0) this.compresses = compressResponses(this.#server, this.#compressFromBytes);
    const dropped = () => this.#state.recorder.shed('CONNECTION_LIMIT');
    const listener = new Listener(injector, this.#limits.maxConnections, dropped);
    const bound = await listener.listen(address);
    this.#listener = listener;
    this.#recheck = setInterval(() => this.#recheckStreams(), this.#limits.credentialRecheckMs).unref();
    return bound;
  }

  /**
   * Stops: not serving any more for those who ask, no new connections, callers of those that are open sent elsewhere,
   * streams ended (their readers resume elsewhere), unary calls finished, and after `graceMs` everything cut off.
   * Never rejects.
   */
  async drain(graceMs: number): Promise<void> {
    const endsAt = performance.now() + graceMs;
    this.health.drain();
    await this.#listener?.refuse(Math.min(TAKE_MS, graceMs / 4));
    await this.#sessions?.close(Math.min(LEAVE_MS, graceMs / 4));
    this.#state.draining = true;
    await nextTurn();
    // Told that this connection takes no more calls before it may have the next one.
    const closed = this.#listener?.close(Math.max(0, endsAt - performance.now()));
    for (const stream of this.#state.streams) stream.stop(shuttingDown());
    this.#reflection.end();
    await closed;
    clearInterval(this.#recheck);
    this.#state.gate?.close();
    this.#server.forceShutdown();
  }

  #register(method: RegisteredMethod): void {
    const { responseStream } = method.definition;
    // grpc-js keeps that of a unary method for the intake, and does not call it.
    const handler = responseStream ? streamHandler(method) : (unaryHandler(method) as unknown as UntypedHandleCall);
    const type = responseStream ? 'serverStream' : 'unary';
    if (method.definition.requestStream) throw new Error(`${method.path}: streaming requests are not served yet`);
    if (!this.#server.register(method.path, handler, passBytes, passBytes, type)) {
      throw new Error(`${method.path} is registered twice`);
    }
    refuseEarly(handler, method);
    accountRefusals(handler, (refused, outcome) => recordRefusal(method, refused, outcome));
  }

  /** Reflection is outside the call chain, and asks no role: it tells what the published contract does. */
  async #admitReflection(wire: ReflectionCall, isOpen: boolean): Promise<void> {
    this.#state.trustedHosts?.check(wire.getHost());
    if (!isOpen) await this.#state.authenticator.verify(header(wire.metadata, AUTHORIZATION_HEADER), peerOf(wire));
  }

  #recheckStreams(): void {
    for (const stream of this.#state.streams) void stream.recheckCredential();
  }
}

/** Statistics hold no memory text; they may be opened to whoever reaches the server. */
function introspected(method: AnyMethod, isOpen: boolean): AnyMethod {
  return isOpen && method.definition.path.startsWith(STATS_SERVICE) ? { ...method, open: true } : method;
}

/** Requests are decoded and answers encoded in the call chain, where it is timed and errors have names. */
function passBytes(bytes: Buffer): Buffer {
  return bytes;
}

function grpcOptions(limits: ServerLimits): Record<string, number> {
  return {
    'grpc.max_receive_message_length': limits.maxRequestBytes,
    'grpc.max_concurrent_streams': limits.maxConcurrentStreams,
    'grpc-node.max_session_memory': limits.maxSessionMemoryMb,
    'grpc.keepalive_time_ms': limits.keepaliveTimeMs,
    'grpc.keepalive_timeout_ms': limits.keepaliveTimeoutMs,
    'grpc.max_connection_idle_ms': limits.maxConnectionIdleMs,
    ...(limits.maxConnectionAgeMs > 0 && { 'grpc.max_connection_age_ms': limits.maxConnectionAgeMs }),
    'grpc.enable_channelz': 0,
  };
}
