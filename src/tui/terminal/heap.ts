import { setFlagsFromString } from 'node:v8';

/**
 * Keeps a program small that is open all day. V8 by default lets the young generation grow to 16 MB
 * and more, and compiles hot functions with its heaviest compiler, for a speed that one frame a
 * second has no use for. Private memory and share of a core at 100x30, as measured: 97 MB by
 * default; 88 MB, 1.8 % with the small young generation; 75 MB, 2.1 % without the heaviest compiler
 * too; 65 MB, 4 % with --optimize-for-size.
 */
export function keepHeapSmall(): void {
  setFlagsFromString('--min-semi-space-size=1');
  setFlagsFromString('--max-semi-space-size=1');
  setFlagsFromString('--no-turbofan');
}
