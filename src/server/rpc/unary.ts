import type { handleUnaryCall, sendUnaryData } from '@grpc/grpc-js';
import { CALL_CHAIN, type ChainStep } from './call-chain.ts';
import type { UnaryMethod } from './method.ts';
import { ServerCall } from './server-call.ts';
import type { RegisteredMethod } from './server-method.ts';
import { sendAnswer } from './unary-answer.ts';

type Respond = sendUnaryData<Buffer>;

/**
 * The grpc-js handler of a unary RPC. Never throws: grpc-js would leave the caller hanging.
 *
 * No async function: a call whose steps and handler have nothing to wait for, as a read from this
 * process' cache, is answered in the turn it arrived in, without a promise.
 */
export function unaryHandler(method: RegisteredMethod): handleUnaryCall<Buffer, Buffer> {
  return (wire, respond) => {
    const call = new ServerCall(method, wire);
    if (call.taken) serve(call, respond, 0);
  };
}

/** From this step of the chain on. */
function serve(call: ServerCall, respond: Respond, first: number): void {
  try {
    // Whoever went away while the call waited is not asked for a key, nor counted against a limit.
    if (first > 0 && call.wire.cancelled) throw call.callerGone();
    for (let at = first; at < CALL_CHAIN.length; at++) {
      const pending = (CALL_CHAIN[at] as ChainStep).run(call);
      if (pending === undefined) continue;
      pending.then(
        () => serve(call, respond, at + 1),
        (error) => respond(call.fail(error)),
      );
      return;
    }
    const startedAt = performance.now();
    const response = (call.method.handle as UnaryMethod<unknown, unknown>['handle'])(call, call.request);
    if (!(response instanceof Promise)) {
      answer(call, respond, response, startedAt);
      return;
    }
    response.then(
      (later) => answer(call, respond, later, startedAt),
      (error) => respond(call.fail(error)),
    );
  } catch (error) {
    respond(call.fail(error));
  }
}

function answer(call: ServerCall, respond: Respond, response: unknown, startedAt: number): void {
  try {
    call.timeHandler(startedAt);
    if (call.wire.cancelled) throw call.callerGone();
    const bytes = call.encode(response);
    if (!sendAnswer(call.wire, call.headers, bytes, call.hasRoom)) {
      call.sendHeaders();
      respond(null, bytes);
    }
    call.succeed();
  } catch (error) {
    respond(call.fail(error));
  }
}
