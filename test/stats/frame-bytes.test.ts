import { expect, it } from 'vitest';
import { encodeFrame, responseBytes } from '../../src/server/stats/frame-bytes.ts';
import { StatsFrame, WatchStatsResponse } from '../../src/shared/gen/memoryhub/v1/stats_service.ts';

const FRAME = StatsFrame.fromPartial({
  bootId: 'b'.repeat(100),
  merged: 3,
  methods: [{ method: 'a/Get', started: 7n }],
});

it.each([1, 127, 128, 16_383, 16_384, 2 ** 31, 2 ** 45])(
  'a shared frame reads as a frame of sequence %d',
  (sequence) => {
    const { frame } = WatchStatsResponse.decode(responseBytes(encodeFrame({ ...FRAME, sequence: 99n }), sequence));
    expect(frame).toEqual({ ...FRAME, sequence: BigInt(sequence) });
  },
);

it.each([0, 1, 24, 25, 26, 120, 130, 16_400])('a frame padded by %d bytes keeps its length', (padding) => {
  const padded = { ...FRAME, version: 'v'.repeat(padding) };
  expect(WatchStatsResponse.decode(responseBytes(encodeFrame(padded), 5)).frame).toEqual({ ...padded, sequence: 5n });
});
