import { executionAsyncResource } from 'node:async_hooks';
import { setFlagsFromString } from 'node:v8';

/**
 * What is left of a call when it is over, some 18 KB, should go with the next sweep of the young generation, or it
 * waits in the old one for a full collection. Three things see to that: rpc/session-streams.ts, the flag below, and
 * a young generation that is large beside the calls under way (`--max-semi-space-size` of src/cli/memory-hub.js, in
 * megabytes of each of its halves; it can only be said on the command line). Of 4 MB the 64 calls of a benchmark fill a
 * third, and a cached read takes 46 us of the processor; of 16 MB it takes 36 and the process 10 to 30 MB more. V8's
 * own 32 MB bring nothing but more memory. Workers have the less the more there are, four of them 2.
 *
 * Keeps the old generation near what lives in it, too. V8 lets it grow to several times that before it sweeps,
 * which a server pays for in resident memory and not in speed: streams of grpc-js outlive the young generation,
 * die in the old one, and lie there with the buffers they hold. Resident after a mix of saves, lists, batches
 * and exports: 327 MiB without, 211 with, at the same processor time a call within what is measurable.
 *
 * Outside of V8, malloc keeps what was freed: glibc by the thread that asked for it, and, once a large buffer was
 * given back, up to 32 MB in one piece that nothing of the size is asked from again. memory-hub.js says otherwise
 * in the environment, the only place for it: under the same load such memory came to 37 MB where it was 70.
 *
 * @param growingPercent what the old generation may grow by before it is swept
 */
export function keepHeapNearItsContent(growingPercent = 50): void {
  setFlagsFromString(`--heap-growing-percent=${growingPercent}`);
  // Where objects have lived long, V8 begins to make them in the old generation (allocation site pretenuring). An
  // object literal of each HTTP/2 stream is among them, and then keeps the whole stream until a full collection.
  setFlagsFromString('--no-allocation-site-pretenuring');
  // A sweep that finds next to nothing is done sooner than helpers are woken, for whom it waits on a busy machine.
  setFlagsFromString('--no-parallel-scavenge');
  // TurboFan takes a function up after 1,000 calls of average size in place of 3,000. What Maglev made of some keeps whole
  // calls beyond the next sweep, ten each time, so that full collections come twice as often: for the first 190,000
  // reads from Redis with V8's own count, for some 50,000 with this one.
  setFlagsFromString('--invocation-count-for-turbofan=1000');
  // When calls come, hundreds of functions are compiled by Maglev in a few seconds. What each was compiled in goes
  // back to malloc on another thread, which comes to it late: malloc's heap grew by 10 MB for that, and stayed so.
  setFlagsFromString('--no-maglev-destroy-on-background');
  setFlagsFromString('--concurrent-maglev-max-threads=1');
}

const keptTicks: object[] = [];

/**
 * Keeps process.nextTick, of which a call takes eight, as fast as it starts: 0.1 us, not 0.5. Node.js makes an object with
 * computed names for each, and V8 makes those quickly while it knows their shape. A shape lives as long as an object that
 * has it: after a few full collections that found no tick waiting it is gone, and once V8 has seen another one at that
 * place (DefineKeyedOwnPropertyInLiteral) it asks its runtime three times for every tick, for ever. Which processes met
 * that, and when, was chance. One tick that is kept keeps the shape. To be called before there have been many.
 */
export function keepTicksFast(): void {
  process.nextTick(() => {
    keptTicks.push(executionAsyncResource());
  });
}

/**
 * Keeps the young generation as it is, which a start would make large before there is a call; the parent of workers
 * has none at all.
 */
export function keepYoungGenerationSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}

/** From here on there are calls. */
export function letYoungGenerationGrow(): void {
  setFlagsFromString('--semi-space-growth-factor=2');
}
