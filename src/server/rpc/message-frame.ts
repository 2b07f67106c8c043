import { BaseServerInterceptingCall } from '@grpc/grpc-js/build/src/server-interceptors.js';

/**
 * How a message begins on the wire: flag, and length in 32 bits. grpc-js copies every message into a new buffer to
 * put them in front, which for streams of large ones is garbage by the hundred megabytes; so where there is room
 * before the bytes it is written there.
 */
export const PREFIX_BYTES = 5;

interface CallInside {
  readonly handler: { serialize(message: unknown): Buffer };
  serializeMessage(message: unknown): Buffer;
}

const inside = BaseServerInterceptingCall.prototype as unknown as CallInside;
if (typeof inside.serializeMessage !== 'function') {
  throw new Error('this version of grpc-js has changed inside: see src/server/rpc/message-frame.ts');
}

inside.serializeMessage = function (this: CallInside, message) {
  return framed(this.handler.serialize(message), 0);
};

const roomy = new WeakSet<Uint8Array>();

/** Says that the PREFIX_BYTES before these bytes, in the same buffer, are theirs too. */
export function markRoom(bytes: Uint8Array): void {
  roomy.add(bytes);
}

/** @param flag 1: compressed */
export function framed(bytes: Buffer, flag: 0 | 1): Buffer {
  const { byteLength } = bytes;
  const isInPlace = roomy.has(bytes);
  const frame = isInPlace
    ? Buffer.from(bytes.buffer, bytes.byteOffset - PREFIX_BYTES, PREFIX_BYTES + byteLength)
    : Buffer.allocUnsafe(PREFIX_BYTES + byteLength);
  frame[0] = flag;
  frame.writeUInt32BE(byteLength, 1);
  if (!isInPlace) bytes.copy(frame, PREFIX_BYTES);
  return frame;
}
