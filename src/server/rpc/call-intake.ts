import { BaseServerInterceptingCall } from '@grpc/grpc-js/build/src/server-interceptors.js';
import streamDecoder from '@grpc/grpc-js/build/src/stream-decoder.js';
import { PREFIX_BYTES } from './message-frame.ts';

/**
 * The short way of a message through grpc-js, for what nearly all of them are: in one piece, not compressed, and waited
 * for. It is handed on in the turn it came in, where grpc-js takes it apart, puts it together again, stops its stream
 * and lets it go on in a later turn. What is anything else goes the way it always went. A message that nobody waits for
 * is, and stops the stream.
 */

interface CallInside {
  readonly handler: { deserialize(message: Buffer): unknown };
  readonly decoder: Decoder;
  readonly listener: { onReceiveMessage(message: unknown): void };
  readonly callEventTracker: { addMessageReceived(): void } | null;
  /** Whether the next message is waited for. */
  isReadPending: boolean;
  readonly readQueue: readonly unknown[];
  checkCancelled(): boolean;
  handleDataFrame(data: Buffer): void;
}

const { StreamDecoder } = streamDecoder;

/** The decoder of grpc-js, made when there is something to take apart. Clients in this process have it too. */
class Decoder {
  readonly #maxBytes: number;
  #decoder: InstanceType<typeof StreamDecoder> | undefined;

  /** @param maxBytes of a message; -1: any number */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Whether these bytes are a message, all of it and nothing else, that is not compressed. */
  isWhole(data: Buffer): boolean {
    const size = data.length - PREFIX_BYTES;
    if (this.#decoder !== undefined || size < 0 || data[0] !== 0 || data.readUInt32BE(1) !== size) return false;
    return size <= this.#maxBytes || this.#maxBytes === -1;
  }

  write(data: Buffer): Buffer[] {
    this.#decoder ??= new StreamDecoder(this.#maxBytes);
    return this.#decoder.write(data);
  }
}

const inside = BaseServerInterceptingCall.prototype as unknown as CallInside;
const { handleDataFrame } = inside;
if (typeof handleDataFrame !== 'function' || typeof StreamDecoder !== 'function') {
  throw new Error('this version of grpc-js has changed inside: see src/server/rpc/call-intake.ts');
}

streamDecoder.StreamDecoder = Decoder as unknown as typeof StreamDecoder;

inside.handleDataFrame = function (this: CallInside, data) {
  const isAwaited = this.isReadPending && this.readQueue.length === 0 && !this.checkCancelled();
  if (!isAwaited || !this.decoder.isWhole(data)) return handleDataFrame.call(this, data);
  let message: unknown;
  try {
    message = this.handler.deserialize(data.subarray(PREFIX_BYTES));
  } catch {
    // Of reflection, whose messages are not ours to decode. It fails there again, and the call ends with it: thrown
    // from here it would end the process.
    return handleDataFrame.call(this, data);
  }
  this.callEventTracker?.addMessageReceived();
  this.isReadPending = false;
  this.listener.onReceiveMessage(message);
};
