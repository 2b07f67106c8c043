import { type ServerHttp2Session, type ServerHttp2Stream, sensitiveHeaders } from 'node:http2';
import { LIMIT_HEADERS, REQUEST_ID_HEADER, REVISION_HEADER } from './metadata.ts';
import { frameAnswer, type MarkedStream } from './response-compression.ts';
import type { Wire } from './server-call.ts';

/**
 * The short way of a unary answer through grpc-js, which makes some fifteen objects for each that nobody looks at: it
 * goes to its HTTP/2 stream in one piece, with headers and trailers that were ready. test/rpc/unary-answer looks at it
 * on the wire, and that answers go this way.
 */

interface CallInside {
  readonly stream: MarkedStream;
  metadataSent: boolean;
  wantTrailers: boolean;
  checkCancelled(): boolean;
}

const RESPONSE_OPTIONS = { waitForTrailers: true, sendDate: false };
/**
 * Fields with another value in each answer. Node.js calls them sensitive, HPACK never indexed (RFC 7541, 6.2.3): each
 * would be put into the connection's table of fields, of 50 or so, until the others, which are sent as a number while
 * they stand in it, have fallen out and are looked up, sent and put in again; at both ends. But for the first: its name
 * is in the table then, and is not spelled again.
 */
const NEVER_INDEXED = [REQUEST_ID_HEADER, LIMIT_HEADERS.remaining, REVISION_HEADER];
/** On sessions: which of these have been sent. */
const NAMED = Symbol('named');
const NONE: readonly string[] = [];

type NamingSession = ServerHttp2Session & { [NAMED]?: readonly string[] };

const TRAILERS = { 'grpc-status': 0 };

/**
 * Answers a unary call with OK.
 *
 * @param headers the initial metadata, names in lower case
 * @param hasRoom of `bytes`, as of EncodedMessage
 * @returns false when the answer has to go the long way
 */
export function sendAnswer(
  wire: Wire,
  headers: Readonly<Record<string, string>>,
  bytes: Buffer,
  hasRoom: boolean,
): boolean {
  const { call } = wire as unknown as { call: CallInside };
  const { stream } = call;
  if (call.metadataSent || call.checkCancelled()) return false;
  const frame = frameAnswer(stream, bytes, hasRoom);
  if (frame === undefined) return false;
  const session = stream.session as NamingSession;
  const named = session[NAMED] ?? NONE;
  // A list: of an object Node.js would make a dictionary first.
  const fields = [':status', '200', 'content-type', 'application/grpc+proto'];
  // What else grpc-js says of encodings clients take for granted, and a header takes 0.4 us to be sent.
  if (frame[0] !== 0) fields.push('grpc-encoding', 'gzip');
  for (const name in headers) fields.push(name, headers[name] as string);
  stream.respond(Object.assign(fields, { [sensitiveHeaders]: named }), RESPONSE_OPTIONS);
  for (const name of NEVER_INDEXED) {
    if (headers[name] !== undefined && !named.includes(name)) session[NAMED] = [...(session[NAMED] ?? NONE), name];
  }
  // As sendMessage and sendStatus leave a call: its deadline, should it pass now, changes nothing any more. Not before
  // the headers were taken, or whatever is wrong with them could not be answered.
  call.metadataSent = true;
  call.wantTrailers = true;
  stream.on('wantTrailers', sendTrailers);
  stream.end(frame);
  return true;
}

function sendTrailers(this: ServerHttp2Stream): void {
  this.sendTrailers(TRAILERS);
}
