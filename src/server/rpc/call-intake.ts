import { BaseServerInterceptingCall } from '@grpc/grpc-js/build/src/server-interceptors.js';
import { StreamDecoder } from '@grpc/grpc-js/build/src/stream-decoder.js';
import { PREFIX_BYTES } from './message-frame.ts';

/**
 * The short way of a message through grpc-js, for what nearly all of them are: in one piece, and not compressed. What is
 * anything else goes the way it always went. Answers to clients in this process pass here too.
 */

const { write } = StreamDecoder.prototype;

interface QueueEntry {
  type: string;
  readonly compressedMessage: Buffer;
  parsedMessage: unknown;
}

interface CallInside {
  readonly handler: { deserialize(message: Buffer): unknown };
  maybePushNextMessage(): void;
  decompressAndMaybePush(entry: QueueEntry): Promise<void>;
}

interface DecoderInside {
  /** 0: between messages. */
  readonly readState: number;
  /** -1: no limit. */
  readonly maxReadMessageLength: number;
}

const inside = BaseServerInterceptingCall.prototype as unknown as CallInside;
const { decompressAndMaybePush } = inside;
const decoder = new StreamDecoder(0) as unknown as DecoderInside;
if (
  typeof decompressAndMaybePush !== 'function' ||
  typeof write !== 'function' ||
  decoder.readState !== 0 ||
  decoder.maxReadMessageLength !== 0
) {
  throw new Error('this version of grpc-js has changed inside: see src/server/rpc/call-intake.ts');
}

/** A message that is all of `data` is not taken apart and put together again. */
StreamDecoder.prototype.write = function (data) {
  const { readState, maxReadMessageLength: max } = this as unknown as DecoderInside;
  const size = data.length - PREFIX_BYTES;
  const isWhole = readState === 0 && size >= 0 && data.readUInt32BE(1) === size && (size <= max || max === -1);
  return isWhole ? [data] : write.call(this, data);
};

/** It is handed on in the turn it came in. */
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
