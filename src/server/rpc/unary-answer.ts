import { type ServerHttp2Stream, sensitiveHeaders } from 'node:http2';
import { BaseServerInterceptingCall } from '@grpc/grpc-js/build/src/server-interceptors.js';
import { PREFIX_BYTES } from './message-frame.ts';
import { LIMIT_HEADERS, REQUEST_ID_HEADER } from './metadata.ts';
import { frameAnswer, type MarkedStream } from './response-compression.ts';
import type { Wire } from './server-call.ts';

/**
 * The short way of a unary call through grpc-js, which makes some fifteen objects for each that nobody
 * looks at: a message that is not compressed is handed on in the turn it came in, and an answer goes to its
 * HTTP/2 stream in one piece, with headers and trailers that were ready. What is on the wire is the same.
 * test/rpc/unary-answer holds it there.
 */

interface QueueEntry {
  type: string;
  readonly compressedMessage: Buffer;
  parsedMessage: unknown;
}

interface CallInside {
  readonly stream: MarkedStream;
  readonly handler: { deserialize(message: Buffer): unknown };
  metadataSent: boolean;
  wantTrailers: boolean;
  checkCancelled(): boolean;
  maybePushNextMessage(): void;
  decompressAndMaybePush(entry: QueueEntry): Promise<void>;
}

const RESPONSE_OPTIONS = { waitForTrailers: true, sendDate: false };
/**
 * Fields with another value in each answer. Node.js calls them sensitive, HPACK never indexed (RFC 7541, 6.2.3): each
 * would be put into the connection's table of fields, of 50 or so, until the others, which are sent as a number while
 * they stand in it, have fallen out and are looked up, sent and put in again; at both ends.
 */
const NEVER_INDEXED = [REQUEST_ID_HEADER, LIMIT_HEADERS.remaining];
const TRAILERS = { 'grpc-status': 0, 'grpc-message': 'OK' };

const inside = BaseServerInterceptingCall.prototype as unknown as CallInside;
const { decompressAndMaybePush } = inside;
if (typeof decompressAndMaybePush !== 'function') {
  throw new Error('this version of grpc-js has changed inside: see src/server/rpc/unary-answer.ts');
}

inside.decompressAndMaybePush = function (this: CallInside, entry) {
  const { compressedMessage: bytes } = entry;
  if (bytes[0] !== 0) return decompressAndMaybePush.call(this, entry);
  try {
    entry.parsedMessage = this.handler.deserialize(bytes.subarray(PREFIX_BYTES));
  } catch {
    // Of reflection, whose messages are not ours to decode. It fails there again, and the call ends with it: thrown
    // from here it would end the process.
    return decompressAndMaybePush.call(this, entry);
  }
  entry.type = 'READABLE';
  this.maybePushNextMessage();
  return DONE;
};

const DONE = Promise.resolve();

/**
 * Answers a unary call with OK.
 *
 * @param headers the initial metadata, names in lower case
 * @returns false when the answer has to go the long way
 */
export function sendAnswer(wire: Wire, headers: Readonly<Record<string, string>>, bytes: Buffer): boolean {
  const { call } = wire as unknown as { call: CallInside };
  const { stream } = call;
  if (call.metadataSent || call.checkCancelled()) return false;
  const frame = frameAnswer(stream, bytes);
  if (frame === undefined) return false;
  stream.respond(
    {
      ':status': 200,
      'content-type': 'application/grpc+proto',
      'grpc-accept-encoding': 'identity,deflate,gzip',
      'grpc-encoding': frame[0] === 0 ? 'identity' : 'gzip',
      ...headers,
      [sensitiveHeaders]: NEVER_INDEXED,
    },
    RESPONSE_OPTIONS,
  );
  // As sendMessage and sendStatus leave a call: its deadline, should it pass now, changes nothing any more. Not before
  // the headers were taken, or whatever is wrong with them could not be answered.
  call.metadataSent = true;
  call.wantTrailers = true;
  stream.once('wantTrailers', sendTrailers);
  stream.end(frame);
  return true;
}

function sendTrailers(this: ServerHttp2Stream): void {
  this.sendTrailers(TRAILERS);
}
