import { setFlagsFromString } from 'node:v8';

/**
 * Keeps a program small that is open all day. Left alone, V8 lets the young generation grow to
 * 128 MB of garbage and the old one to three times what is alive, for a speed that one frame a second
 * has no use for. Of the flags that say so, those for sizes are read before any of our code runs; these
 * are read when a generation is about to grow. Before the monitor is imported: what has grown stays.
 */
export function keepHeapSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
  setFlagsFromString('--heap-growing-percent=10');
  // The heaviest compiler's code and memory, for functions that run once a second; and the second's but for
  // those that run for every cell: without it a frame takes twice as long, with it everywhere 10 MB more.
  setFlagsFromString('--no-turbofan');
  setFlagsFromString('--invocation-count-for-maglev=4000');
}
