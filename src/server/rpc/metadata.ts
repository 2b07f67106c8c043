import { randomBytes } from 'node:crypto';
import type { Metadata } from '@grpc/grpc-js';

export const REQUEST_ID_HEADER = 'x-request-id';
export const AUTHORIZATION_HEADER = 'authorization';
/** Of mutations' answers: the workspace's change number afterwards. */
export const REVISION_HEADER = 'x-memoryhub-revision';

/** Calls a second, how many more, and seconds until there are more again: as HTTP's RateLimit draft had them. */
export const LIMIT_HEADERS = {
  limit: 'ratelimit-limit',
  remaining: 'ratelimit-remaining',
  reset: 'ratelimit-reset',
} as const;

/** What a caller's x-request-id may look like; anything else is replaced, not refused. */
const REQUEST_ID = /^[\w.:+/=-]{1,128}$/;

/** The first text value of a field of the metadata; undefined when there is none. */
export function header(metadata: Metadata, name: string): string | undefined {
  const value = metadata.get(name)[0];
  return typeof value === 'string' ? value : undefined;
}

/** What the ids of this process have in common: 48 random bits. */
const PROCESS_ID = `${randomBytes(6).toString('base64url')}.`;
let made = 0;

/**
 * Not a UUID each: those are made of 36 pieces, which is a fortieth of all that a cached read
 * allocates. These ids find a call in a log and open nothing, so that they may be counted. Short, since each goes
 * through HPACK's Huffman code, here and at the caller.
 */
function newRequestId(): string {
  made += 1;
  return PROCESS_ID + made.toString(36);
}

/** The caller's x-request-id when it is usable, else a new one. */
export function requestId(metadata: Metadata): string {
  const given = header(metadata, REQUEST_ID_HEADER);
  return given !== undefined && REQUEST_ID.test(given) ? given : newRequestId();
}

/** A peer as grpc-js writes it, "127.0.0.1:50051" or "::1:50051" (without brackets), without its port. */
export function withoutPort(peer: string): string {
  const colon = peer.lastIndexOf(':');
  return colon < 0 ? peer : peer.slice(0, colon);
}

/** W3C traceparent; version ff and ids of zeros only are not valid. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-|$)/;

/** The caller's trace id, 32 hexadecimal digits; undefined without a valid traceparent. */
export function callerTraceId(metadata: Metadata): string | undefined {
  return TRACEPARENT.exec(header(metadata, 'traceparent') ?? '')?.[1];
}

let current: Metadata | undefined;

/**
 * Hands a reader of `metadata` to `use` without making a closure for each call. The reader is good
 * only until `use` returns.
 */
export function withHeaders<Result>(metadata: Metadata, use: (read: typeof readCurrent) => Result): Result {
  current = metadata;
  try {
    return use(readCurrent);
  } finally {
    current = undefined;
  }
}

function readCurrent(name: string): string | undefined {
  return current === undefined ? undefined : header(current, name);
}
