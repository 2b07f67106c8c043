import { ServiceError } from '../domain/errors.ts';
import { roleName } from '../domain/principal.ts';
import { AUTHORIZATION_HEADER, header, LIMIT_HEADERS, withHeaders } from './metadata.ts';
import { decodeRequest } from './method-decoder.ts';
import type { ServerCall } from './server-call.ts';
import type { RateLimitState, RegisteredMethod } from './server-method.ts';

/** One thing that is done for every call before its handler sees it. */
export interface ChainStep {
  readonly name: string;
  /** Why the step stands where it does. */
  readonly because: string;
  /** Does it; throws what the call ends with. A promise only when there is something to wait for. */
  readonly run: (call: ServerCall) => Promise<void> | undefined;
}

/**
 * What happens to a call on its way in, unary or streaming, in this order. On the way out, whatever
 * happened: error funnel, status, statistics, span, access log (ServerCall.end).
 */
export const CALL_CHAIN: readonly ChainStep[] = [
  {
    name: 'count',
    because: 'a call that is refused is a call too, and must show in the statistics',
    run: count,
  },
  {
    name: 'trace',
    because: 'the span covers authentication, and every later log line can carry its id',
    run: trace,
  },
  {
    name: 'host',
    because: 'a call that is meant for another server is looked at no further',
    run: checkHost,
  },
  {
    name: 'admit',
    because: 'what a server that stops, or has too much to do, cannot serve is refused before it costs anything',
    run: admit,
  },
  {
    name: 'authenticate',
    because: 'nothing of the request is looked at for a caller nobody knows',
    run: authenticate,
  },
  {
    name: 'authorise',
    because: 'permission comes before existence and before the message: a refusal tells nothing about either',
    run: authorise,
  },
  {
    name: 'limit',
    because: 'counts against a key only what it may call; before the first step whose cost the caller decides',
    run: limitRate,
  },
  {
    name: 'deadline',
    because: 'no work, and none of the database, for a caller that waits no longer; after the steps that may wait',
    run: checkDeadline,
  },
  {
    name: 'decode',
    because: 'last, since it is the first step whose cost the caller decides',
    run: decode,
  },
];

/** Its steps that need no message. */
export const ADMISSION = CALL_CHAIN.slice(0, CALL_CHAIN.findIndex(({ name }) => name === 'admit') + 1);

/** Whether a call that begins now is let in. */
export function hasRoom({ isVital, limit, server: { gate } }: RegisteredMethod): boolean {
  return gate === undefined || isVital || !(gate.heapIsFull || limit?.isReached);
}

function count(call: ServerCall): undefined {
  call.method.recorder.begin();
}

function trace(call: ServerCall): undefined {
  const { tracer } = call.method.server;
  if (tracer === undefined) return;
  call.span = withHeaders(call.wire.metadata, (read) => tracer.start(call.method.path, read));
}

/** Health checks reach a server by whatever address they know. */
function checkHost(call: ServerCall): undefined {
  const { trustedHosts } = call.method.server;
  if (trustedHosts !== undefined && !call.method.isHealth) trustedHosts.check(call.wire.getHost());
}

function admit(call: ServerCall): Promise<void> | undefined {
  const { server, isVital, definition } = call.method;
  if (server.draining && definition.responseStream) throw shuttingDown();
  if (isVital || server.gate === undefined) return undefined;
  server.gate.checkHeap();
  // Streams stay for as long as their readers like.
  if (definition.responseStream) return undefined;
  call.enter();
  return server.gate.turns.next();
}

/** What a call that the stopping server ends or refuses is told. */
export function shuttingDown(): ServiceError {
  return new ServiceError('SHUTTING_DOWN', 'the server is stopping; try again, another one will answer', {
    retryAfterMs: 100,
  });
}

function authenticate(call: ServerCall): Promise<void> | undefined {
  if (call.method.open) return;
  const startedAt = performance.now();
  const verified = call.method.server.authenticator.verify(header(call.wire.metadata, AUTHORIZATION_HEADER), call.peer);
  if (!(verified instanceof Promise)) {
    call.authenticated(verified, startedAt);
    return;
  }
  return verified.then((principal) => call.authenticated(principal, startedAt));
}

function authorise(call: ServerCall): undefined {
  if (call.method.open || call.method.roles.has(call.principal.role)) return;
  const needed = [...call.method.roles].map(roleName).join(', ');
  throw new ServiceError(
    'ROLE_DENIED',
    `keys of the role ${roleName(call.principal.role)} may not call this; needed: ${needed}`,
    {
      metadata: { role: roleName(call.principal.role), needed },
    },
  );
}

function limitRate(call: ServerCall): Promise<void> | undefined {
  const { rateLimits } = call.method.server;
  if (rateLimits === undefined || call.method.isVital) return undefined;
  const taken = rateLimits.take(call.principal);
  if (taken instanceof Promise) return taken.then((state) => tellLimit(call, state));
  tellLimit(call, taken);
  return undefined;
}

function tellLimit(call: ServerCall, { limit, remaining }: RateLimitState): void {
  if (limit === Number.POSITIVE_INFINITY) return;
  call.setMetadata(LIMIT_HEADERS.limit, String(limit));
  call.setMetadata(LIMIT_HEADERS.remaining, String(remaining));
}

function checkDeadline(call: ServerCall): undefined {
  if (call.wire.cancelled || performance.now() >= call.deadlineAt) throw call.callerGone();
}

function decode(call: ServerCall): undefined {
  const startedAt = performance.now();
  const bytes: Buffer = call.wire.request;
  call.record.bytesReceived = bytes.byteLength;
  call.request = decodeRequest(call.method.definition, bytes);
  call.timeDecode(startedAt);
}
