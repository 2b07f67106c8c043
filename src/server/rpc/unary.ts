import { Metadata, status } from '@grpc/grpc-js';
import { CALL_CHAIN, type ChainStep } from './call-chain.ts';

import type { UnaryMethod } from './method.ts';
import { ServerCall } from './server-call.ts';
import type { RegisteredMethod } from './server-method.ts';
import { sendAnswer } from './unary-answer.ts';
import type { UnaryWire } from './unary-wire.ts';

/**
 * The handler of a unary RPC. Never throws: the caller would be left hanging.
 *
 * No async function: a call whose steps and handler have nothing to wait for, as a read from this
 * process' cache, is answered in the turn it arrived in, without a promise.
 */
export function unaryHandler(method: RegisteredMethod): (wire: UnaryWire) => void {
  return (wire) => {
    const call = new ServerCall(method, wire);
    if (!call.taken) return;
    try {
      serve(call, wire, 0);
    } catch (error) {
      // Of what observes calls: thrown from here it would end the process.
      call.logUnexpected(error);
      wire.end({ code: status.UNKNOWN, details: 'Unknown error', metadata: new Metadata() });
    }
  };
}

/** From this step of the chain on. */
function serve(call: ServerCall, wire: UnaryWire, first: number): void {
  try {
    // Whoever went away while the call waited is not asked for a key, nor counted against a limit.
    if (first > 0 && wire.cancelled) throw call.callerGone();
    for (let at = first; at < CALL_CHAIN.length; at++) {
      const pending = (CALL_CHAIN[at] as ChainStep).run(call);
      if (pending === undefined) continue;
      pending.then(
        () => serve(call, wire, at + 1),
        (error) => wire.end(call.fail(error)),
      );
      return;
    }
    const startedAt = performance.now();
    const response = (call.method.handle as UnaryMethod<unknown, unknown>['handle'])(call, call.request);
    if (!(response instanceof Promise)) {
      answer(call, wire, response, startedAt);
      return;
    }
    response.then(
      (later) => answer(call, wire, later, startedAt),
      (error) => wire.end(call.fail(error)),
    );
  } catch (error) {
    wire.end(call.fail(error));
  }
}

function answer(call: ServerCall, wire: UnaryWire, response: unknown, startedAt: number): void {
  try {
    call.timeHandler(startedAt);
    if (wire.cancelled) throw call.callerGone();
    const bytes = call.encode(response);
    if (!sendAnswer(wire, call.headers, bytes, call.hasRoom)) {
      call.sendHeaders();
      wire.answer(bytes);
    }
    call.succeed();
  } catch (error) {
    wire.end(call.fail(error));
  }
}
