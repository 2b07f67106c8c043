import { constants } from 'node:http2';
import type { Server, ServerWritableStream } from '@grpc/grpc-js';
import { Metadata } from '@grpc/grpc-js';
import { BaseServerInterceptingCall } from '@grpc/grpc-js/build/src/server-interceptors.js';
import { LIMITS } from '../../shared/limits.ts';
import { invalidFields, ServiceError } from '../domain/errors.ts';
import { STATUS_DETAILS_HEADER, safeMessage, statusOf, type WireStatus } from './status.ts';

/**
 * The one file that reaches into grpc-js. It refuses some calls before any handler of ours: too
 * large, malformed frames, bad deadlines, unknown methods. Those refusals are given the reasons and
 * details of all others here. test/rpc/transport holds each of them on a socket, and breaks when the
 * inside of grpc-js changes.
 */

interface PlainStatus {
  code?: number;
  details?: string;
  metadata?: Metadata | null;
}

interface CallInside {
  handler?: { path?: string };
  sendStatus(status: PlainStatus): void;
  handleTimeoutHeader(value: string): void;
}

interface ServerInside {
  _respondWithError(error: PlainStatus, stream: unknown, info: unknown): void;
}

const inside = BaseServerInterceptingCall.prototype as unknown as CallInside;
const { sendStatus, handleTimeoutHeader } = inside;
if (typeof sendStatus !== 'function' || typeof handleTimeoutHeader !== 'function') {
  throw new Error('this version of grpc-js has changed inside: see src/server/rpc/server-transport.ts');
}

inside.sendStatus = function (this: CallInside, status) {
  sendStatus.call(this, status.code === 0 || isOurs(status) ? status : translate(status));
};

inside.handleTimeoutHeader = function (this: CallInside, value) {
  const refusal = refuseTimeout(value);
  if (refusal === undefined) handleTimeoutHeader.call(this, value);
  // The call is still being made.
  else process.nextTick(() => this.sendStatus(statusOf(refusal)));
};

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

const UNITS_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };

/** grpc-js takes "-5S" for 5 s, and cuts 600 hours to 32 bits, which is an instant deadline. */
function refuseTimeout(value: string): ServiceError | undefined {
  const match = /^(\d{1,8})([HMSmun])$/.exec(value);
  if (match === null) {
    return invalidFields([{ field: 'grpc-timeout', description: 'is not 1 to 8 digits and one of H, M, S, m, u, n' }]);
  }
  const seconds = (Number(match[1]) * (UNITS_MS[match[2] ?? ''] ?? 0)) / 1000;
  if (seconds <= LIMITS.deadlineSeconds.max) return undefined;
  const description = `is ${seconds} s; at most ${LIMITS.deadlineSeconds.max} s, or none`;
  return invalidFields([{ field: 'grpc-timeout', description }]);
}

/** By what grpc-js says, the reason we say. The first that fits. */
const TRANSLATIONS: readonly { says: RegExp; error: (match: RegExpExecArray) => ServiceError }[] = [
  { says: /larger than max \((\d+) vs (\d+)/, error: ([, size, limit]) => tooLarge(`has ${size} bytes`, limit) },
  { says: /decompresses to a size larger than (\d+)/, error: ([, limit]) => tooLarge('decompresses to more', limit) },
  { says: /^Failed to decompress/, error: () => malformed('the message cannot be decompressed') },
  {
    says: /^Received (a second|no) request message/,
    error: (match) => malformed(`there is ${match[1]} request message`),
  },
  {
    says: /unsupported encoding/,
    error: () => new ServiceError('UNIMPLEMENTED', 'messages may be compressed with gzip or deflate only'),
  },
  {
    says: /^Deadline exceeded/,
    error: () => new ServiceError('DEADLINE_EXCEEDED', "the call's deadline passed before its answer was there"),
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
function translate(status: PlainStatus): WireStatus {
  const details = status.details ?? '';
  for (const { says, error } of TRANSLATIONS) {
    const match = says.exec(details);
    if (match !== null) return statusOf(error(match));
  }
  return { code: status.code ?? 2, details: safeMessage(details), metadata: status.metadata ?? new Metadata() };
}
