import { type Deadline, Metadata } from '@grpc/grpc-js';
import type { ErrorReason } from '../../shared/error-reasons.ts';
import { type Access, UNBOUND } from '../domain/access.ts';
import { Stage } from '../domain/call-context.ts';
import { ServiceError } from '../domain/errors.ts';
import { CredentialRefusal, type Principal, Role, roleName } from '../domain/principal.ts';
import { deadlinePassed } from './call-deadlines.ts';
import type { CallLimit } from './call-limit.ts';
import type { CallRecord, CallSpan } from './call-observer.ts';
import { type Outcome, outcomeOf } from './errors.ts';
import { callerTraceId, REQUEST_ID_HEADER, requestId } from './metadata.ts';
import { type Call, EncodedMessage } from './method.ts';
import { neverCompress } from './response-compression.ts';
import type { RegisteredMethod } from './server-method.ts';
import { peerOf, takeCall } from './server-transport.ts';
import type { WireStatus } from './status.ts';

/** What is used of a call as grpc-js, or the intake of unary calls, gives it. Requests and responses pass as bytes. */
export interface Wire {
  readonly metadata: Metadata;
  readonly request: Buffer;
  readonly cancelled: boolean;
  getDeadline(): Deadline;
  getHost(): string;
  once(event: 'cancelled', listener: () => void): unknown;
  sendMetadata(metadata: Metadata): void;
}

/** Who calls an open method, or has not shown a key yet: reaches nothing. */
const NOBODY: Principal = { keyId: '', name: '', role: Role.READER, workspaceId: 0, workspace: '', access: UNBOUND };

/** What the server does to calls to protect itself. */
const SHED: ReadonlySet<string> = new Set<ErrorReason>([
  'OVERLOADED',
  'RATE_LIMITED',
  'READER_STALLED',
  'SHUTTING_DOWN',
]);

/** What a call is refused with for who makes it. */
const REFUSED: ReadonlySet<string> = new Set<ErrorReason>([
  'CREDENTIAL_MISSING',
  'CREDENTIAL_INVALID',
  'CREDENTIAL_EXPIRED',
  'ROLE_DENIED',
  'HOST_NOT_TRUSTED',
]);

const SENDABLE = /^[ -~]*$/;

/**
 * A caller gives up at its deadline by its own clock, and we learn of it as a cancel. Its clock began to run
 * before the call came here, so that the cancel comes before the deadline has passed by ours, by as much as the
 * call was on its way: one within these milliseconds of it, or within this part of the time the call was
 * given, is the deadline.
 */
const DEADLINE_TOLERANCE_MS = 10;
const DEADLINE_TOLERANCE_PART = 0.1;

/** What every room below may know about one call, and what is measured of it. */
export class ServerCall implements Call {
  readonly method: RegisteredMethod;
  readonly wire: Wire;
  readonly callId: string;
  /** False when grpc-js has refused the call already: it must not be served. */
  readonly taken: boolean;
  readonly deadlineAt: number;
  readonly startedAt = performance.now();
  readonly record: CallRecord;
  /** Set by the decode step. */
  request: unknown;
  span: CallSpan | undefined;
  resumeToken = '';
  /** Of what was encoded last, as of EncodedMessage. */
  hasRoom = false;
  principal: Principal = NOBODY;
  readonly #stagesUs = [0, 0, 0, 0, 0, 0, 0];
  #handledUs = 0;
  #aborter: AbortController | undefined;
  #stopped: ServiceError | undefined;
  #headers: Record<string, string> | undefined;
  #headersSent = false;
  #ended = false;
  #inClear = false;
  /** That let it in. */
  #limit: CallLimit | undefined;

  constructor(method: RegisteredMethod, wire: Wire) {
    this.method = method;
    this.wire = wire;
    this.callId = requestId(wire.metadata);
    this.taken = takeCall(wire, this.callId);
    const deadline = Number(wire.getDeadline());
    this.deadlineAt = deadline === Infinity ? Infinity : this.startedAt + deadline - Date.now();
    this.record = {
      code: 0,
      elapsedUs: 0,
      bytesReceived: 0,
      bytesSent: 0,
      messagesSent: 0,
      stagesUs: this.#stagesUs,
      traceId: undefined,
      keyId: '',
      keyName: '',
      peer: peerOf(wire),
    };
  }

  get peer(): string {
    return this.record.peer;
  }

  get workspaceId(): number {
    return this.principal.workspaceId;
  }

  get workspace(): string {
    return this.principal.workspace;
  }

  get access(): Access {
    return this.principal.access;
  }

  get author(): string {
    return this.principal.name;
  }

  get keyId(): string {
    return this.principal.keyId;
  }

  /** Made when first asked for: most unary calls are over before anyone does. */
  get signal(): AbortSignal {
    if (this.#aborter === undefined) {
      const aborter = new AbortController();
      this.#aborter = aborter;
      if (this.#stopped !== undefined || this.wire.cancelled) aborter.abort(this.#stopped ?? this.callerGone());
      else this.wire.once('cancelled', () => aborter.abort(this.callerGone()));
    }
    return this.#aborter.signal;
  }

  get ended(): boolean {
    return this.wire.cancelled || this.#stopped !== undefined;
  }

  /** Makes the signal abort with this error, though the caller is still there. */
  stop(error: ServiceError): void {
    this.#stopped = error;
    this.#aborter?.abort(error);
  }

  /** What a call ends with whose caller waits no longer. */
  callerGone(): ServiceError {
    const tolerance = Math.max(DEADLINE_TOLERANCE_MS, (this.deadlineAt - this.startedAt) * DEADLINE_TOLERANCE_PART);
    return this.deadlineAt !== Infinity && performance.now() >= this.deadlineAt - tolerance
      ? deadlinePassed()
      : new ServiceError('CANCELLED', 'the caller went away');
  }

  /** Counts among the calls under way until it ends. @throws ServiceError OVERLOADED */
  enter(): void {
    const { limit } = this.method;
    limit?.enter();
    this.#limit = limit;
  }

  authenticated(principal: Principal, startedAt: number): void {
    this.principal = principal;
    this.record.keyId = principal.keyId;
    this.record.keyName = principal.name;
    this.observe(Stage.AUTH, 'authenticate', startedAt);
  }

  observe(stage: Stage, name: string, startedAt: number): void {
    const endedAt = performance.now();
    this.#add(stage, endedAt - startedAt);
    this.span?.child(stage, name, startedAt, endedAt);
  }

  timeDecode(startedAt: number): void {
    this.#add(Stage.DECODE, performance.now() - startedAt);
  }

  /** Counts time in which the handler had the call. What is not cache or database of it is domain. */
  timeHandler(startedAt: number): void {
    this.#handledUs += (performance.now() - startedAt) * 1000;
  }

  setMetadata(name: string, value: string): void {
    if (!SENDABLE.test(value)) throw new Error(`the metadata ${name} cannot be sent: it has more than printable ASCII`);
    this.#headers ??= {};
    this.#headers[name] = value;
  }

  offerResumeToken(token: string): void {
    this.resumeToken = token;
  }

  answersInClear(): void {
    this.#inClear = true;
  }

  /** Makes the bytes of an answer and counts them. */
  encode(response: unknown): Buffer {
    const startedAt = performance.now();
    const isReady = response instanceof EncodedMessage;
    let bytes = isReady ? asBuffer(response.bytes) : this.method.encode(response);
    this.hasRoom = isReady && response.hasRoom;
    if (this.#inClear) {
      // A view of its own: what a cache keeps is sent to others too.
      bytes = bytes.subarray();
      neverCompress(bytes);
    }
    this.record.bytesSent += bytes.byteLength;
    this.record.messagesSent += 1;
    this.#add(Stage.ENCODE, performance.now() - startedAt);
    return bytes;
  }

  /** The initial metadata. */
  get headers(): Readonly<Record<string, string>> {
    this.#headers ??= {};
    this.#headers[REQUEST_ID_HEADER] = this.callId;
    return this.#headers;
  }

  /** Sends the initial metadata, once. */
  sendHeaders(): void {
    if (this.#headersSent) return;
    this.#headersSent = true;
    const metadata = new Metadata();
    for (const [name, value] of Object.entries(this.headers)) metadata.set(name, value);
    this.wire.sendMetadata(metadata);
  }

  /** Ends the account of a call that went well. */
  succeed(): void {
    this.#end(undefined, undefined);
  }

  /**
   * Ends the account of a call, once, with what was thrown.
   *
   * @returns the status to send
   */
  fail(error: unknown): WireStatus {
    const cause = this.wire.cancelled && isAbort(error) ? this.callerGone() : error;
    const outcome = outcomeOf(cause);
    outcome.status.metadata.set(REQUEST_ID_HEADER, this.callId);
    this.#end(outcome, cause);
    return outcome.status;
  }

  #end(outcome: Outcome | undefined, cause: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#limit?.leave();
    const { method, record, span } = this;
    const refused = cause instanceof ServiceError && cause.cause instanceof CredentialRefusal ? cause.cause : undefined;
    // Whoever has the secret of a key that ended is no stranger.
    if (refused?.principal !== undefined) {
      record.keyId = refused.principal.keyId;
      record.keyName = refused.principal.name;
    }
    record.code = outcome?.status.code ?? 0;
    record.elapsedUs = (performance.now() - this.startedAt) * 1000;
    record.traceId = span?.traceId;
    this.#stagesUs[Stage.DOMAIN] = Math.max(0, this.#handledUs - this.#us(Stage.CACHE) - this.#us(Stage.DATABASE));
    method.recorder.end(record);
    span?.end(record.code, cause);
    if (outcome?.reason !== undefined && SHED.has(outcome.reason)) method.server.recorder.shed(outcome.reason);
    if (outcome?.unexpected) this.logUnexpected(cause);
    if (outcome?.reason !== undefined && REFUSED.has(outcome.reason)) this.#noteRefusal(outcome.reason, refused);
    method.server.accessLog?.call(method.path, this.callId, record, outcome?.reason, this.#traceId);
    const { slowCalls } = method.server;
    if (slowCalls !== undefined && !method.isVital && this.#tookUs() >= slowCalls.thresholdUs) {
      slowCalls.slow(method.path, this.callId, record, outcome?.reason, this.#traceId);
    }
  }

  /** A stream is as long as its reader likes: of it only what was spent on it here. */
  #tookUs(): number {
    if (!this.method.definition.responseStream) return this.record.elapsedUs;
    return this.#stagesUs.reduce((sum, us) => sum + us, 0);
  }

  #noteRefusal(reason: string, known: CredentialRefusal | undefined): void {
    const { keyId, name: actor, workspaceId, role } = known?.principal ?? this.principal;
    this.method.server.refusals?.refused({
      action: this.method.path.slice(this.method.path.lastIndexOf('/') + 1),
      reason,
      target: known?.why ?? (reason === 'ROLE_DENIED' ? roleName(role) : ''),
      keyId,
      actor,
      workspaceId,
      peer: this.peer,
      callId: this.callId,
    });
  }

  /** Logs a fault of the server under the ids of this call. */
  logUnexpected(error: unknown): void {
    this.method.server.log.unexpectedError(this.method.path, this.callId, this.#traceId, error);
  }

  /** For log lines: also a caller that is not traced here finds its calls by it. */
  get #traceId(): string | undefined {
    return this.span?.traceId ?? callerTraceId(this.wire.metadata);
  }

  #add(stage: Stage, elapsedMs: number): void {
    this.#stagesUs[stage] = this.#us(stage) + elapsedMs * 1000;
  }

  #us(stage: Stage): number {
    return this.#stagesUs[stage] ?? 0;
  }
}

/** Whether an error says only that work was given up because nobody waits for it. */
export function isAbort(error: unknown): boolean {
  return (error instanceof Error && error.name === 'AbortError') || error instanceof ServiceError;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
