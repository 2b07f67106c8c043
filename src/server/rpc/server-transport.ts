import { constants } from 'node:http2';
import type { Server, ServerWritableStream } from '@grpc/grpc-js';
import { Metadata } from '@grpc/grpc-js';
import { BaseServerInterceptingCall } from '@grpc/grpc-js/build/src/server-interceptors.js';
import { ServiceError } from '../domain/errors.ts';
import { type Outcome, outcomeOf } from './errors.ts';
import { REQUEST_ID_HEADER } from './metadata.ts';
import type { RefusedCall } from './refused-call.ts';
import type { Wire } from './server-call.ts';
import { STATUS_DETAILS_HEADER, safeMessage, statusOf } from './status.ts';

/**
 * Reaches into grpc-js, which refuses some calls before any handler of ours: too large, malformed frames, unknown
 * methods, and those whose deadlines are bad or pass (call-deadlines.ts). Those refusals are given the reasons and
 * details of all others here, and are counted and logged with their method. Not counted are calls of methods that do
 * not exist, whose names the caller chose, those given up before their message was there, and reflection, which is
 * outside the call chain. test/rpc/transport holds each of them on a socket, and breaks when the inside of grpc-js
 * changes.
 */

interface PlainStatus {
  code?: number;
  details?: string;
  /** Of a refusal that is ours from the first. */
  refusal?: ServiceError;
  metadata?: Metadata | null;
}

/** Marks what became of a call: served under this id, or refused. */
const CALL_ID = Symbol('callId');
const REFUSED = Symbol('refused');

interface CallInside {
  handler: { func: object };
  metadata: Metadata;
  [CALL_ID]?: string;
  [REFUSED]?: boolean;
  checkCancelled(): boolean;
  getPeer(): string;
  getConnectionInfo(): { readonly remoteAddress?: string | undefined };
  sendStatus(status: PlainStatus): void;
}

interface ServerInside {
  _respondWithError(error: PlainStatus, stream: unknown, info: unknown): void;
}

const inside = BaseServerInterceptingCall.prototype as unknown as CallInside;
const { sendStatus } = inside;
if (typeof sendStatus !== 'function') {
  throw new Error('this version of grpc-js has changed inside: see src/server/rpc/server-transport.ts');
}

inside.sendStatus = function (this: CallInside, status) {
  if (this.checkCancelled()) return;
  sendStatus.call(this, status.code === 0 || isOurs(status) ? status : refuse(this, status));
};

/** Keeps the account of one refusal, and may add to its metadata. */
type RefusalAccount = (refused: RefusedCall, outcome: Outcome) => void;
const accounts = new WeakMap<object, RefusalAccount>();

/** From now on the refusals of calls that this handler would have served are told to `account`. */
export function accountRefusals(handler: object, account: RefusalAccount): void {
  accounts.set(handler, account);
}

/**
 * Says that a call is served, under this id, and that its account is kept.
 *
 * @returns false when it was refused already, since grpc-js calls the handler nevertheless when the
 *   refusal came between a message and the end of the request
 */
export function takeCall(wire: Wire, callId: string): boolean {
  const { call } = wire as unknown as { call: CallInside };
  call[CALL_ID] = callId;
  return call[REFUSED] !== true;
}

/**
 * The caller's address without its port. grpc-js has it ready for each call, where getPeer() asks the
 * socket of the HTTP/2 session again, which is a Proxy, and joins what has then to be taken apart.
 */
export function peerOf(wire: object): string {
  const { call } = wire as unknown as { call: CallInside };
  return call.getConnectionInfo().remoteAddress ?? 'unknown';
}

/** A refusal of grpc-js as one of ours. Of a call that is served, its ServerCall keeps the account. */
function refuse(call: CallInside, status: PlainStatus): PlainStatus {
  const outcome = translate(status);
  const callId = call[CALL_ID];
  if (callId !== undefined) {
    outcome.status.metadata.set(REQUEST_ID_HEADER, callId);
    return outcome.status;
  }
  call[REFUSED] = true;
  accounts.get(call.handler.func)?.({ metadata: call.metadata, peer: call.getPeer() }, outcome);
  return outcome.status;
}

/** Calls of methods that do not exist are told so with details, and without the caller's text. */
export function describeUnknownMethods(server: Server): void {
  const { _respondWithError: respond } = server as unknown as ServerInside;
  (server as unknown as ServerInside)._respondWithError = function (this: ServerInside, _error, stream, info) {
    respond.call(this, statusOf(new ServiceError('UNIMPLEMENTED', 'the server has no such RPC')), stream, info);
  };
}

/** Ends a stream at once, dropping what its reader has not taken. The reader sees RESOURCE_EXHAUSTED. */
export function resetStream(wire: ServerWritableStream<Buffer, Buffer>): void {
  const { call } = wire as unknown as { call: { stream: { close(code: number): void } } };
  call.stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
}

function isOurs(status: PlainStatus): boolean {
  return (status.metadata?.get(STATUS_DETAILS_HEADER).length ?? 0) > 0;
}

/** By what grpc-js says, the reason we say. The first that fits. */
const TRANSLATIONS: readonly { says: RegExp; error: (match: RegExpExecArray) => ServiceError }[] = [
  { says: /larger than max \((\d+) vs (\d+)/, error: ([, size, limit]) => tooLarge(`has ${size} bytes`, limit) },
  { says: /decompresses to a size larger than (\d+)/, error: ([, limit]) => tooLarge('decompresses to more', limit) },
  { says: /^Error deserializing request/, error: () => malformed('the bytes are not the message of this RPC') },
  { says: /^Failed to decompress/, error: () => malformed('the message cannot be decompressed') },
  {
    says: /^Received (a second|no) request message/,
    error: (match) => malformed(`there is ${match[1]} request message`),
  },
  {
    says: /unsupported encoding/,
    error: () => new ServiceError('UNIMPLEMENTED', 'messages may be compressed with gzip or deflate only'),
  },
];

function tooLarge(size: string, limit = ''): ServiceError {
  return new ServiceError('MESSAGE_TOO_LARGE', `the request ${size}; at most ${limit} bytes are taken`, {
    metadata: { limit_bytes: limit },
  });
}

function malformed(what: string): ServiceError {
  return new ServiceError('MALFORMED_MESSAGE', what);
}

/** What is known by no line of the table goes out as it is, made safe to send. */
function translate(status: PlainStatus): Outcome {
  if (status.refusal !== undefined) return outcomeOf(status.refusal);
  const details = status.details ?? '';
  for (const { says, error } of TRANSLATIONS) {
    const match = says.exec(details);
    if (match !== null) return outcomeOf(error(match));
  }
  const metadata = status.metadata ?? new Metadata();
  return {
    status: { code: status.code ?? 2, details: safeMessage(details), metadata },
    reason: undefined,
    unexpected: false,
  };
}
