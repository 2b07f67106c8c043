import { StatsFrame } from '../../shared/gen/memoryhub/v1/stats_service.ts';

/** Tags of WatchStatsResponse.frame (1, length-delimited) and StatsFrame.sequence (1, varint). */
const FRAME_TAG = 0x0a;
const SEQUENCE_TAG = 0x08;

/** A frame without its sequence, encoded once for all watchers of a class. */
export function encodeFrame(frame: StatsFrame): Uint8Array {
  return StatsFrame.encode({ ...frame, sequence: 0n }).finish();
}

/**
 * A WatchStatsResponse around an encoded frame, with the one field that differs between watchers.
 * Proto3 leaves a zero out and fields may stand in any order, so the sequence is put in front of
 * the frame's own bytes. (Sending `frame` twice, to be merged by the reader, would be as valid, but
 * ts-proto and others replace the first by the second.)
 */
export function responseBytes(frame: Uint8Array, sequence: number): Uint8Array {
  const frameSize = 1 + varintSize(sequence) + frame.length;
  const bytes = new Uint8Array(1 + varintSize(frameSize) + frameSize);
  bytes[0] = FRAME_TAG;
  let at = writeVarint(bytes, 1, frameSize);
  bytes[at++] = SEQUENCE_TAG;
  at = writeVarint(bytes, at, sequence);
  bytes.set(frame, at);
  return bytes;
}

function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) size++;
  return size;
}

function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  let rest = value;
  let next = at;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes[next++] = (rest % 128) | 0x80;
  bytes[next++] = rest;
  return next;
}
