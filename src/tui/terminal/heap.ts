import { setFlagsFromString } from 'node:v8';

/**
 * Keeps the heap of a program that is open all day small: V8's young generation grows to 16 MB and
 * more for speed that one frame a second has no use for. Measured at 100x30: 97 MB of private memory
 * without, 58 MB with, at the same cost in time.
 */
export function keepHeapSmall(): void {
  setFlagsFromString('--min-semi-space-size=1');
  setFlagsFromString('--max-semi-space-size=1');
  setFlagsFromString('--optimize-for-size');
}
