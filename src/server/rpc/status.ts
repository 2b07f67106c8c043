import { Metadata } from '@grpc/grpc-js';
import { ERROR_DOMAIN, ERROR_REASONS } from '../../shared/error-reasons.ts';
import type { Any } from '../../shared/gen/google/protobuf/any.ts';
import { BadRequest, ErrorInfo, RetryInfo } from '../../shared/gen/google/rpc/error_details.ts';
import { Status } from '../../shared/gen/google/rpc/status.ts';
import type { ServiceError } from '../domain/errors.ts';
import { LIMIT_HEADERS } from './metadata.ts';

/** How an error leaves the server: what grpc-js sends as the call's status. */
export interface WireStatus {
  /** google.rpc.Code. */
  readonly code: number;
  readonly details: string;
  readonly metadata: Metadata;
}

/** Carries the encoded google.rpc.Status beside code and message. */
export const STATUS_DETAILS_HEADER = 'grpc-status-details-bin';
const PUSHBACK_HEADER = 'grpc-retry-pushback-ms';
const TYPE_PREFIX = 'type.googleapis.com/google.rpc.';

/** Some clients take no more than 8 KiB of trailers, and base 64 makes a third more of these. */
const MAX_DETAILS_BYTES = 4096;
const MAX_MESSAGE_LENGTH = 1000;

/** The status of an error whose reason is known, with ErrorInfo, BadRequest and RetryInfo. */
export function statusOf(error: ServiceError): WireStatus {
  const code = ERROR_REASONS[error.reason];
  const message = safeMessage(error.message);
  const metadata = new Metadata();
  metadata.set(STATUS_DETAILS_HEADER, encodeDetails(code, message, error));
  if (error.retryAfterMs !== undefined) metadata.set(PUSHBACK_HEADER, String(Math.ceil(error.retryAfterMs)));
  if (error.reason === 'RATE_LIMITED') setLimitHeaders(metadata, error);
  return { code, details: message, metadata };
}

function setLimitHeaders(metadata: Metadata, { metadata: { limit = '0' }, retryAfterMs = 0 }: ServiceError): void {
  metadata.set(LIMIT_HEADERS.limit, limit);
  metadata.set(LIMIT_HEADERS.remaining, '0');
  metadata.set(LIMIT_HEADERS.reset, String(Math.ceil(retryAfterMs / 1000)));
}

/** A lone surrogate in a status message makes grpc-js throw while it sends: none gets that far. */
export function safeMessage(text: string): string {
  return (text.length > MAX_MESSAGE_LENGTH ? `${text.slice(0, MAX_MESSAGE_LENGTH)}…` : text).toWellFormed();
}

/** Leaves violations out from the end until the details fit; the message of invalidFields says how many there are. */
function encodeDetails(code: number, message: string, error: ServiceError): Buffer {
  const details = [pack('ErrorInfo', ErrorInfo.encode(errorInfo(error)).finish())];
  if (error.retryAfterMs !== undefined) details.push(pack('RetryInfo', encodeRetryInfo(error.retryAfterMs)));
  for (let kept = error.violations.length; ; kept >>= 1) {
    const all = kept > 0 ? [...details, pack('BadRequest', encodeBadRequest(error, kept))] : details;
    const bytes = Status.encode({ code, message, details: all }).finish();
    if (bytes.byteLength <= MAX_DETAILS_BYTES || kept === 0) {
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
  }
}

function errorInfo(error: ServiceError): ErrorInfo {
  return { reason: error.reason, domain: ERROR_DOMAIN, metadata: { ...error.metadata } };
}

function encodeRetryInfo(delayMs: number): Uint8Array {
  const seconds = Math.floor(delayMs / 1000);
  const nanos = Math.round((delayMs - seconds * 1000) * 1e6);
  return RetryInfo.encode({ retryDelay: { seconds: BigInt(seconds), nanos } }).finish();
}

function encodeBadRequest(error: ServiceError, kept: number): Uint8Array {
  const fieldViolations = error.violations
    .slice(0, kept)
    .map(({ field, description }) => ({ field, description, reason: '', localizedMessage: undefined }));
  return BadRequest.encode({ fieldViolations }).finish();
}

function pack(type: string, message: Uint8Array): Any {
  return { typeUrl: TYPE_PREFIX + type, value: Buffer.from(message.buffer, message.byteOffset, message.byteLength) };
}
