import { setFlagsFromString } from 'node:v8';

/**
 * Keeps a program small that is open all day. Left alone, V8 lets the young generation grow to
 * 128 MB of garbage and the old one to three times what is alive, for a speed that one frame a second
 * has no use for. Of the flags that say so, those for sizes are read before any of our code runs; these
 * are read when a generation is about to grow. Before the monitor is imported: what has grown stays.
 */
export function keepHeapSmall(replays: boolean): void {
  setFlagsFromString('--semi-space-growth-factor=1');
  setFlagsFromString('--heap-growing-percent=10');
  // The two heavier compilers: with the second one a frame takes half the time, and what it compiles is
  // kept, screen by screen: 90 MB after 25 minutes where there are 67 without it.
  setFlagsFromString('--no-turbofan');
  // An hour of a recording at once is not for the first compiler alone.
  if (!replays) setFlagsFromString('--no-maglev');
}
