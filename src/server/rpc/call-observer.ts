/**
 * The narrow doors through which statistics, tracing and the access log see a call. The call chain
 * calls them at fixed points; compose plugs the real ones in. None of them may throw or wait.
 */

/** What is known about a call when it has ended. Reused between calls: copy what is kept. */
export interface CallRecord {
  /** google.rpc.Code. */
  code: number;
  /** From the first byte of the request to the status, in microseconds. */
  elapsedUs: number;
  /** Bytes of the request message, without gRPC framing. */
  bytesReceived: number;
  /** Bytes of all response messages, without gRPC framing. */
  bytesSent: number;
  messagesSent: number;
  /** Microseconds by stage, index = Stage (1..6); 0 for a stage not passed; index 0 is unused. */
  stagesUs: ArrayLike<number>;
  /** 32 hexadecimal digits of a sampled call; else undefined. */
  traceId: string | undefined;
  /** Id and name of the key; empty without a valid one. */
  keyId: string;
  keyName: string;
  /** The caller's address without its port. */
  peer: string;
}

/** Made once at start, for the methods of the server in the order of their registration. */
export interface CallRecorder {
  /** @param paths "/memoryhub.v1.MemoryService/GetMemory"; the answer has one recorder for each */
  methods(paths: readonly string[]): MethodRecorder[];
  /**
   * The server refused or ended a call, or refused a connection, to protect itself.
   *
   * @param reason OVERLOADED, RATE_LIMITED, READER_STALLED, SHUTTING_DOWN or CONNECTION_LIMIT: never a caller's text
   */
  shed(reason: string): void;
}

/** Counts the calls of one method. */
export interface MethodRecorder {
  /** A call arrived. */
  begin(): void;
  /** It ended, once for each begin. */
  end(record: CallRecord): void;
  /** A streaming call passed authentication and is open for this caller. */
  streamOpened(keyId: string, keyName: string, peer: string): void;
  /** Its reader takes nothing although something is ready (1), or takes it again (-1), also when it is closed. */
  streamStalled(keyId: string, peer: string, change: 1 | -1): void;
  /** It is closed again, once for each streamOpened. */
  streamClosed(keyId: string, keyName: string, peer: string): void;
}

/** Makes the server span of a call. */
export interface ServerTracer {
  /**
   * @param path "/package.Service/Method"
   * @param header reads a field of the request's metadata, for W3C traceparent and tracestate
   * @returns undefined when the call is not sampled
   */
  start(path: string, header: (name: string) => string | undefined): CallSpan | undefined;
}

/** The span of one sampled call. */
export interface CallSpan {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** A child span of a stage; times are performance.now(). */
  child(stage: number, name: string, startedAt: number, endedAt: number): void;
  /** @param code google.rpc.Code */
  end(code: number, error?: unknown): void;
}

/** One line for each call, when the operator wants it. */
export interface AccessLog {
  /**
   * @param path "/package.Service/Method"
   * @param callId x-request-id
   * @param reason ErrorReason of a failed call; undefined when it ended well
   * @param traceId of its span, else the caller's own when it sent a traceparent
   */
  call(path: string, callId: string, record: CallRecord, reason: string | undefined, traceId?: string): void;
}

/** Told of calls that took long. */
export interface SlowCalls {
  /** From which time on, in microseconds: of a unary call in all, of a stream that spent on it here. */
  readonly thresholdUs: number;
  /** The arguments are those of AccessLog. */
  slow(path: string, callId: string, record: CallRecord, reason: string | undefined, traceId?: string): void;
}

/** Told of calls that were refused for who made them; for the audit trail. */
export interface RefusalObserver {
  refused(refusal: {
    /** The RPC without its service. */
    readonly action: string;
    /** ErrorReason. */
    readonly reason: string;
    /** What was wrong with the credential, or the role. */
    readonly target: string;
    /** Of a caller that is known; else empty, and 0. */
    readonly keyId: string;
    readonly actor: string;
    readonly workspaceId: number;
    readonly peer: string;
    readonly callId: string;
  }): void;
}

/** Where the wire reports what is not an answer to a caller: bugs, and failures of a connection. */
export interface WireLog {
  /** A call ended INTERNAL; `error` is the cause that the caller is not told. */
  unexpectedError(path: string, callId: string, traceId: string | undefined, error: unknown): void;
}
