import type { CallContext } from '../domain/call-context.ts';
import type { Principal, Role } from '../domain/principal.ts';

/** A method as ts-proto's service definitions describe it. */
export interface MethodDefinition<Request, Response> {
  readonly path: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  readonly requestDeserialize: (bytes: Buffer) => Request;
  readonly responseSerialize: (response: Response) => Buffer;
}

/** A response that is encoded already and goes onto the wire as it is. */
export class EncodedMessage {
  readonly bytes: Uint8Array;
  /** The PREFIX_BYTES of a frame may be written before them, into the same buffer. */
  readonly hasRoom: boolean;

  constructor(bytes: Uint8Array, hasRoom = false) {
    this.bytes = bytes;
    this.hasRoom = hasRoom;
  }
}

/** What a handler gets besides the request. */
export interface Call extends CallContext {
  readonly principal: Principal;
  /** The caller's address without its port. */
  readonly peer: string;
  /** Sets a field of the answer's initial metadata; before the first message. */
  setMetadata(name: string, value: string): void;
  /**
   * The answer has secrets in clear: it is not compressed, whatever its caller takes, for its length would
   * tell a listener how much of them is like the text beside them.
   */
  answersInClear(): void;
  /**
   * Says where this stream can be taken up again after the last message that was yielded. A reader
   * that is ended because it stalled gets it in the error's details.
   */
  offerResumeToken(token: string): void;
}

/** One unary RPC: who may call it and what it does. */
export interface UnaryMethod<Request, Response> {
  readonly definition: MethodDefinition<Request, Response>;
  /** Who may call it; empty: nobody. */
  readonly roles: readonly Role[];
  /** Needs no key: for health checks only. Roles are not looked at then. */
  readonly open?: true;
  /** No promise where there is nothing to wait for: one costs as much as the rest of a cached read. */
  handle(call: Call, request: Request): Promise<Response | EncodedMessage> | Response | EncodedMessage;
}

/**
 * One server-streaming RPC. The chain pulls the next message only when the last one was taken, and
 * returns the generator (running its `finally`) when the caller goes away. The bytes of a message are on their way
 * until the message after the next one is asked for, and the generator's again from then on. A generator that waits for
 * something other than its caller must stop waiting when `call.signal` aborts.
 */
export interface StreamMethod<Request, Response> {
  readonly definition: MethodDefinition<Request, Response>;
  /** Who may call it; empty: nobody. */
  readonly roles: readonly Role[];
  /** Needs no key: for health checks only. Roles are not looked at then. */
  readonly open?: true;
  handle(call: Call, request: Request): AsyncIterable<Response | EncodedMessage>;
}

// biome-ignore lint/suspicious/noExplicitAny: a table of methods holds many message types
export type AnyMethod = UnaryMethod<any, any> | StreamMethod<any, any>;
