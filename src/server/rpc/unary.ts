import type { handleUnaryCall, ServerUnaryCall, sendUnaryData } from '@grpc/grpc-js';
import { CALL_CHAIN } from './call-chain.ts';
import type { UnaryMethod } from './method.ts';
import { ServerCall } from './server-call.ts';
import type { RegisteredMethod } from './server-method.ts';

/** The grpc-js handler of a unary RPC. Never throws: grpc-js would leave the caller hanging. */
export function unaryHandler(method: RegisteredMethod): handleUnaryCall<Buffer, Buffer> {
  return (wire, respond) => {
    void serveUnary(method, wire, respond);
  };
}

async function serveUnary(
  method: RegisteredMethod,
  wire: ServerUnaryCall<Buffer, Buffer>,
  respond: sendUnaryData<Buffer>,
): Promise<void> {
  const call = new ServerCall(method, wire);
  if (!call.taken) return;
  try {
    for (const step of CALL_CHAIN) {
      const pending = step.run(call);
      if (pending !== undefined) await pending;
    }
    const startedAt = performance.now();
    const response = await (method.handle as UnaryMethod<unknown, unknown>['handle'])(call, call.request);
    call.timeHandler(startedAt);
    if (wire.cancelled) throw call.callerGone();
    const bytes = call.encode(response);
    call.sendHeaders();
    respond(null, bytes);
    call.succeed();
  } catch (error) {
    respond(call.fail(error));
  }
}
