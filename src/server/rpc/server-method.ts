import type { Principal, Role } from '../domain/principal.ts';
import type { CallLimit } from './call-limit.ts';
import type {
  AccessLog,
  CallRecorder,
  MethodRecorder,
  RefusalObserver,
  ServerTracer,
  SlowCalls,
  WireLog,
} from './call-observer.ts';
import type { AnyMethod } from './method.ts';
import type { OverloadGate } from './overload-gate.ts';
import type { ServerStream } from './server-stream.ts';
import type { TrustedHosts } from './trusted-hosts.ts';

export const STATS_SERVICE = '/memoryhub.v1.StatsService/';
const HEALTH_SERVICE = '/grpc.health.v1.Health/';

/** Tells who calls. */
export interface CredentialVerifier {
  /**
   * @param authorization the field of that name: "Bearer mh_ID_SECRET"
   * @param peer the caller's address; undefined: it was let in before
   * @returns at once when the credential is known, so that a call need not wait for a promise
   * @throws ServiceError CREDENTIAL_MISSING, CREDENTIAL_INVALID, CREDENTIAL_EXPIRED, RATE_LIMITED,
   *   DATABASE_UNAVAILABLE; or rejects
   */
  verify(authorization: string | undefined, peer?: string): Principal | Promise<Principal>;
}

/** What is left of a limit after a call. */
export interface RateLimitState {
  /** Calls a second; Infinity: any. */
  readonly limit: number;
  readonly remaining: number;
}

/** Counts calls against the limits of their key and workspace. */
export interface RateLimiter {
  /** @throws ServiceError RATE_LIMITED, or rejects with it */
  take(principal: Principal): RateLimitState | Promise<RateLimitState>;
}

/** What all calls of a server share. */
export interface ServerState {
  readonly authenticator: CredentialVerifier;
  readonly tracer: ServerTracer | undefined;
  readonly recorder: Pick<CallRecorder, 'shed'>;
  /** undefined: the server may be addressed by any name. */
  readonly trustedHosts: TrustedHosts | undefined;
  /** undefined: no limits. */
  readonly rateLimits: RateLimiter | undefined;
  /** undefined: every call is let in. */
  readonly gate: OverloadGate | undefined;
  readonly accessLog: AccessLog | undefined;
  readonly refusals: RefusalObserver | undefined;
  readonly slowCalls: SlowCalls | undefined;
  readonly log: WireLog;
  /** How long a stream waits for a reader that takes nothing, in milliseconds. */
  readonly stallMs: number;
  /** How long a stream that was ended has to bring its status to its reader, in milliseconds. */
  readonly flushMs: number;
  readonly streams: Set<ServerStream>;
  draining: boolean;
}

/** One line of the table that is made at start, with all that a call of the method needs. */
export interface RegisteredMethod {
  readonly path: string;
  readonly definition: AnyMethod['definition'];
  readonly handle: AnyMethod['handle'];
  readonly encode: (response: unknown) => Buffer;
  readonly roles: ReadonlySet<Role>;
  readonly open: boolean;
  readonly isHealth: boolean;
  /** Health or statistics: answers however much there is to do. */
  readonly isVital: boolean;
  /** undefined: any number of calls is let in, as of streams and of what is vital. */
  readonly limit: CallLimit | undefined;
  readonly recorder: MethodRecorder;
  readonly server: ServerState;
}

/** Makes the table. */
export function registerMethods(
  methods: readonly AnyMethod[],
  recorder: CallRecorder,
  server: ServerState,
): RegisteredMethod[] {
  const recorders = recorder.methods(methods.map((method) => method.definition.path));
  return methods.map((method, index) => {
    const methodRecorder = recorders[index];
    if (methodRecorder === undefined) throw new Error(`no recorder for ${method.definition.path}`);
    const { definition } = method;
    const isVital = [HEALTH_SERVICE, STATS_SERVICE].some((service) => definition.path.startsWith(service));
    return {
      path: definition.path,
      definition,
      handle: method.handle.bind(method) as AnyMethod['handle'],
      encode: definition.responseSerialize,
      roles: new Set(method.roles),
      open: method.open === true,
      isHealth: definition.path.startsWith(HEALTH_SERVICE),
      isVital,
      limit: isVital || definition.responseStream ? undefined : server.gate?.limit(),
      recorder: methodRecorder,
      server,
    };
  });
}
