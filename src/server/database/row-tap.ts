import type { Duplex } from 'node:stream';
import { setLending } from './lending-socket.ts';

/** Takes the content of one row: from its number of columns to its end. */
export type TakeRow = (bytes: Buffer, start: number, end: number) => void;

/** Type, and size with these four bytes. */
const HEAD = 5;
const SIZE_BYTES = 4;
const NO_ROOM = Buffer.alloc(0);
/** Most rows fit. */
const LEAST_ROOM = 2048;
const DATA_ROW = 0x44;
/** What a server says while a statement runs: to Parse, Bind, Execute, Sync; notices, settings, notifications. */
const KNOWN = new Set([...'12CDEINSTZAnst'].map((letter) => letter.charCodeAt(0)));

/**
 * Takes the rows out of what a PostgreSQL server sends, and leaves all else to the driver, which turns
 * every column into a string: the rows of a page in binary form would not survive that, and lists spend
 * half their time in it. Put on between two statements of a connection and taken off when the
 * server is ready again; `bytes` are only lent.
 *
 * @returns takes the tap off
 */
export function tapRows(stream: Duplex, take: TakeRow): () => void {
  const drivers = stream.listeners('data') as ((chunk: Buffer) => void)[];
  const forward = (chunk: Buffer) => {
    const own = Buffer.from(chunk);
    for (const listener of drivers) listener(own);
  };
  /** A message whose end has not come, with room for as much as is known of it, and how much has come. */
  let begun: Buffer | undefined;
  let begunBytes = 0;
  /** What messages begin in, one after the other. */
  let room = NO_ROOM;
  let isOn = true;

  const grown = (bytes: Buffer, size: number): Buffer => {
    if (size > room.length) room = Buffer.allocUnsafe(Math.max(size, LEAST_ROOM));
    bytes.copy(room);
    return room.subarray(0, size);
  };

  const hand = (bytes: Buffer, start: number, end: number) => {
    if (bytes[start] === DATA_ROW) take(bytes, start + HEAD, end);
    else forward(bytes.subarray(start, end));
  };

  /** Adds to the message that has begun, which alone is copied. @returns where the next one begins */
  const complete = (chunk: Buffer): number => {
    let at = 0;
    while (begun !== undefined) {
      const end = Math.min(at + begun.length - begunBytes, chunk.length);
      begunBytes += chunk.copy(begun, begunBytes, at, end);
      at = end;
      if (begunBytes < begun.length) break;
      const message = begun;
      const size = messageEnd(message, 0);
      if (size > message.length) begun = grown(message, size);
      else {
        begun = undefined;
        hand(message, 0, size);
      }
    }
    return at;
  };

  const read = (chunk: Buffer) => {
    let at = complete(chunk);
    /** Where that begins which is the driver's. */
    let others = at;
    while (isOn && at + HEAD <= chunk.length) {
      const end = messageEnd(chunk, at);
      if (end > chunk.length) break;
      if (chunk[at] === DATA_ROW) {
        if (others < at) forward(chunk.subarray(others, at));
        take(chunk, at + HEAD, end);
        others = end;
      }
      at = end;
    }
    if (others < at) forward(chunk.subarray(others, at));
    if (at === chunk.length) return;
    const rest = chunk.subarray(at);
    if (isOn) {
      begun = grown(rest, rest.length < HEAD ? HEAD : messageEnd(rest, 0));
      begunBytes = rest.length;
    }
    // Taken off by the last of these: what follows is the driver's as well.
    else forward(rest);
  };

  const onData = (chunk: Buffer) => {
    try {
      read(chunk);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      stream.destroy(error);
    }
  };

  stream.on('data', onData);
  for (const listener of drivers) stream.off('data', listener);
  setLending(stream, true);
  return () => {
    if (!isOn) return;
    isOn = false;
    setLending(stream, false);
    for (const listener of drivers) stream.on('data', listener);
    stream.off('data', onData);
    if (begun !== undefined) forward(begun.subarray(0, begunBytes));
  };
}

class ProtocolError extends Error {}

/** @throws ProtocolError */
function messageEnd(bytes: Buffer, at: number): number {
  const size = bytes.readUInt32BE(at + 1);
  if (!KNOWN.has(bytes[at] as number) || size < SIZE_BYTES) {
    throw new ProtocolError('what the database sends is not in its protocol');
  }
  return at + 1 + size;
}
