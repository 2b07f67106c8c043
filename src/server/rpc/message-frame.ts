import { BaseServerInterceptingCall } from '@grpc/grpc-js/build/src/server-interceptors.js';
import { MESSAGE_ROOM } from '../domain/memory.ts';

/**
 * How a message begins on the wire: flag, and length in 32 bits. grpc-js copies every message into a new buffer to
 * put them in front, which for streams of large ones is garbage by the hundred megabytes; so where there is room
 * before the bytes it is written there.
 */
export const PREFIX_BYTES = MESSAGE_ROOM;

interface CallInside {
  readonly handler: { serialize(message: unknown): Buffer };
  serializeMessage(message: unknown): Buffer;
}

const inside = BaseServerInterceptingCall.prototype as unknown as CallInside;
if (typeof inside.serializeMessage !== 'function') {
  throw new Error('this version of grpc-js has changed inside: see src/server/rpc/message-frame.ts');
}

inside.serializeMessage = function (this: CallInside, message) {
  const bytes = this.handler.serialize(message);
  return framed(bytes, 0, isRoomy(bytes));
};

const roomy = new WeakSet<Uint8Array>();

/** Says on their way through grpc-js that the PREFIX_BYTES before these bytes, in the same buffer, are theirs too. */
export function markRoom(bytes: Uint8Array): void {
  roomy.add(bytes);
}

export function isRoomy(bytes: Uint8Array): boolean {
  return roomy.has(bytes);
}

/**
 * @param flag 1: compressed
 * @param hasRoom the PREFIX_BYTES before the message, in the same buffer, are written over
 */
export function framed(bytes: Buffer, flag: 0 | 1, hasRoom = false): Buffer {
  const { byteLength } = bytes;
  const frame = hasRoom
    ? Buffer.from(bytes.buffer, bytes.byteOffset - PREFIX_BYTES, PREFIX_BYTES + byteLength)
    : Buffer.allocUnsafe(PREFIX_BYTES + byteLength);
  frame[0] = flag;
  frame.writeUInt32BE(byteLength, 1);
  if (!hasRoom) bytes.copy(frame, PREFIX_BYTES);
  return frame;
}
