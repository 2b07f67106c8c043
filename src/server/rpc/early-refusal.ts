import { constants } from 'node:http2';
import type { Metadata } from '@grpc/grpc-js';
import { BaseServerInterceptingCall } from '@grpc/grpc-js/build/src/server-interceptors.js';
import { ADMISSION, hasRoom } from './call-chain.ts';
import { ServerCall, type Wire } from './server-call.ts';
import type { RegisteredMethod } from './server-method.ts';
import type { WireStatus } from './status.ts';

/**
 * Refuses a call that there is no room for as soon as its headers are there. Its handler would be called when its
 * message is, which grpc-js keeps until then: what is to be turned away would be sent to the end, take memory, and
 * hold up who was let in. Who is let in is decided again with the message, and only then counts among
 * those under way, or callers who never send one would keep others out.
 */

interface CallInside {
  readonly handler: { readonly func: object };
  readonly metadata: Metadata;
  readonly stream: { close(code: number): void };
  getDeadline(): number;
  getHost(): string;
  start(listener: unknown): void;
  sendStatus(status: WireStatus): void;
}

const inside = BaseServerInterceptingCall.prototype as unknown as CallInside;
const { start } = inside;
if (typeof start !== 'function') {
  throw new Error('this version of grpc-js has changed inside: see src/server/rpc/early-refusal.ts');
}

const methods = new WeakMap<object, RegisteredMethod>();

/** From now on calls that this handler would serve are refused early. */
export function refuseEarly(handler: object, method: RegisteredMethod): void {
  methods.set(handler, method);
}

inside.start = function (this: CallInside, listener) {
  const method = methods.get(this.handler.func);
  if (method === undefined || hasRoom(method)) {
    start.call(this, listener);
    return;
  }
  const call = new ServerCall(method, wireOf(this));
  this.sendStatus(call.fail(refusalOf(call)));
  // The answer is complete, and the rest of the request of no use (RFC 9113, section 8.1).
  this.stream.close(constants.NGHTTP2_NO_ERROR);
};

/** What the first steps of the chain look at. */
function wireOf(call: CallInside): Wire {
  const { metadata } = call;
  const early = {
    call,
    metadata,
    cancelled: false,
    getDeadline: () => call.getDeadline(),
    getHost: () => call.getHost(),
  };
  return early as unknown as Wire;
}

function refusalOf(call: ServerCall): unknown {
  try {
    for (const step of ADMISSION) step.run(call);
  } catch (refusal) {
    return refusal;
  }
  throw new Error('a call was let in that there is no room for');
}
