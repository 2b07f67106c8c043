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

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
}

/** What a handler gets besides the request. */
export interface Call extends CallContext {
  readonly principal: Principal;
  /** Sets a field of the answer's initial metadata; before the first message. */
  setMetadata(name: string, value: string): void;
}

/** One unary RPC: who may call it and what it does. */
export interface UnaryMethod<Request, Response> {
  readonly definition: MethodDefinition<Request, Response>;
  readonly roles: readonly Role[];
  handle(call: Call, request: Request): Promise<Response | EncodedMessage>;
}

/**
 * One server-streaming RPC. The chain pulls the next message only when the last one was taken, and
 * returns the generator (running its `finally`) when the caller goes away.
 */
export interface StreamMethod<Request, Response> {
  readonly definition: MethodDefinition<Request, Response>;
  readonly roles: readonly Role[];
  handle(call: Call, request: Request): AsyncIterable<Response | EncodedMessage>;
}

// biome-ignore lint/suspicious/noExplicitAny: a table of methods holds many message types
export type AnyMethod = UnaryMethod<any, any> | StreamMethod<any, any>;
