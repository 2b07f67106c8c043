import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { constants, gzip, gzipSync } from 'node:zlib';
import { Metadata, type Server } from '@grpc/grpc-js';
import { BaseServerInterceptingCall } from '@grpc/grpc-js/build/src/server-interceptors.js';
import { http2ServersOf } from './http2-inside.ts';
import { framed, isRoomy } from './message-frame.ts';

/**
 * gzip for answers from a size on, where the caller says it takes it (grpc-accept-encoding). Servers of
 * grpc-js never compress, so this reaches into it, in this one file. test/rpc/response-compression looks
 * at the bytes on the wire; where the inside is not as expected, nothing is compressed.
 */

/** The fastest: what level 6 saves beyond it, a few percent, takes three times the time. */
const OPTIONS = { level: constants.Z_BEST_SPEED };

/** Larger messages are compressed beside the event loop, which smaller ones hold up for less than 0.2 ms. */
const ASIDE_BYTES = 16 * 1024;

/** On streams whose callers take gzip: the size from which on it is worth it. */
const MIN_BYTES = Symbol('compressFromBytes');

export type MarkedStream = ServerHttp2Stream & { [MIN_BYTES]?: number };

interface CallInside {
  readonly stream: MarkedStream;
  readonly metadataSent: boolean;
  readonly handler: { serialize(message: unknown): Buffer };
  sendMetadata(metadata: Metadata | null): void;
  sendMessage(message: unknown, callback: () => void): void;
  serializeMessage(message: unknown): Buffer;
}

/** How answers are sent that are not compressed each time, by their bytes: with a frame that is ready, or never. */
const marks = new WeakMap<Uint8Array, Buffer | 'once' | 'never'>();

/** This answer is sent again and again: it is compressed the first time. */
export function compressOnce(bytes: Uint8Array): void {
  marks.set(bytes, 'once');
}

/** This answer has a secret beside what others may have chosen: its length, made shorter, would tell of it. */
export function neverCompress(bytes: Uint8Array): void {
  marks.set(bytes, 'never');
}

/** A message on its way through sendMessage that is a frame already. */
class Frame {
  readonly bytes: Buffer;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }
}

const inside = BaseServerInterceptingCall.prototype as unknown as CallInside;
/** Its functions as they were before. */
let { sendMetadata, sendMessage, serializeMessage } = inside;
let isPatched = false;

/**
 * From now on the answers of a server, of which every port is open already, are compressed where they
 * have at least `minBytes` and their caller takes gzip.
 *
 * @returns false when grpc-js is not as it was inside: nothing is compressed then
 */
export function compressResponses(server: Server, minBytes: number): boolean {
  const servers = http2ServersOf(server);
  if (servers.length === 0 || !(isPatched || patch())) return false;
  for (const http2Server of servers) {
    // Before grpc-js, which takes the header out.
    http2Server.prependListener('stream', (stream: MarkedStream, headers: IncomingHttpHeaders) => {
      if (takesGzip(headers['grpc-accept-encoding'])) stream[MIN_BYTES] = minBytes;
    });
  }
  return true;
}

/** Unless the functions are not there, or do not frame a message as the protocol says. */
function patch(): boolean {
  ({ sendMetadata, sendMessage, serializeMessage } = inside);
  if (![sendMetadata, sendMessage, serializeMessage].every((each) => typeof each === 'function')) return false;
  const call = { handler: { serialize: (bytes: Buffer) => bytes } } as unknown as CallInside;
  if (!serializeMessage.call(call, Buffer.from('abc')).equals(Buffer.from('\0\0\0\0\x03abc'))) return false;
  inside.sendMetadata = sendMarkedMetadata;
  inside.sendMessage = sendMaybeCompressed;
  inside.serializeMessage = passFrames;
  isPatched = true;
  return true;
}

/** The few texts that clients send, with what they mean. */
const accepted = new Map<string, boolean>();
const ACCEPTED_MAX = 100;

function takesGzip(header: string | string[] | undefined): boolean {
  if (header === undefined) return false;
  const text = String(header);
  const known = accepted.get(text);
  if (known !== undefined) return known;
  const takes = text.split(',').some((encoding) => encoding.trim().toLowerCase() === 'gzip');
  if (accepted.size < ACCEPTED_MAX) accepted.set(text, takes);
  return takes;
}

/** The encoding is named for the whole call; each message says by its flag whether it is encoded. */
function sendMarkedMetadata(this: CallInside, metadata: Metadata | null): void {
  if (this.stream[MIN_BYTES] === undefined || this.metadataSent) sendMetadata.call(this, metadata);
  else {
    const marked = metadata ?? new Metadata();
    marked.set('grpc-encoding', 'gzip');
    sendMetadata.call(this, marked);
  }
}

/** grpc-js sends one message of a call at a time, and the status after the last one's callback. */
function sendMaybeCompressed(this: CallInside, message: unknown, callback: () => void): void {
  if (this.stream[MIN_BYTES] === undefined) {
    sendMessage.call(this, message, callback);
    return;
  }
  const bytes = this.handler.serialize(message);
  const send = (frame: Buffer) => sendMessage.call(this, new Frame(frame), callback);
  const ready = frameAnswer(this.stream, bytes, isRoomy(bytes));
  if (ready !== undefined) send(ready);
  else {
    gzip(bytes, OPTIONS, (error, compressed) => {
      // Its deadline may have ended the call meanwhile.
      if (this.stream.writableEnded) return callback();
      send(error ? framed(bytes, 0) : kept(bytes, smaller(bytes, compressed)));
    });
  }
}

/**
 * The frame of an answer, whose first byte tells whether it is compressed.
 *
 * @param hasRoom as of `framed`
 * @returns undefined when it is to be compressed beside the event loop
 */
export function frameAnswer(stream: MarkedStream, bytes: Buffer, hasRoom: boolean): Buffer | undefined {
  const minBytes = stream[MIN_BYTES];
  if (minBytes === undefined || bytes.byteLength < minBytes) return framed(bytes, 0, hasRoom);
  const mark = marks.get(bytes);
  if (typeof mark === 'object') return mark;
  if (mark === 'never') return framed(bytes, 0, hasRoom);
  return bytes.byteLength < ASIDE_BYTES ? kept(bytes, smaller(bytes, gzipSync(bytes, OPTIONS))) : undefined;
}

function kept(bytes: Uint8Array, frame: Buffer): Buffer {
  if (marks.get(bytes) === 'once') marks.set(bytes, frame);
  return frame;
}

function passFrames(this: CallInside, message: unknown): Buffer {
  return message instanceof Frame ? message.bytes : serializeMessage.call(this, message);
}

function smaller(bytes: Buffer, compressed: Buffer): Buffer {
  return compressed.byteLength < bytes.byteLength ? framed(compressed, 1) : framed(bytes, 0);
}
