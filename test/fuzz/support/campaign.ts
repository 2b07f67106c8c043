import fc from 'fast-check';
import type { RpcError } from '../../../src/shared/rpc-error.ts';
import { complaintOf, pipelined } from './verdict.ts';

/** Inputs of one property. */
const BATCH = 500;
/** Below the connections to the database that `SMALL` leaves, so that nobody waits for one on a slow machine. */
const IN_FLIGHT = 12;
/** Times an input is sent that found the database too slow. */
const TRIES = 4;
/** Complaints that are shown; the first says most. */
const SHOWN = 10;

/** `FUZZ_SEED=123 npx vitest run --project long test/fuzz` repeats what a failure named. */
export const SEED = process.env.FUZZ_SEED === undefined ? undefined : Number(process.env.FUZZ_SEED);

/** Of all campaigns together; `FUZZ_INPUTS=1000000 npx vitest run --project long test/fuzz` makes a night of it. */
const INPUTS = Number(process.env.FUZZ_INPUTS ?? 100_000);

/** A campaign's part of all inputs, in whole batches. */
export function inputsOf(share: number): number {
  return Math.ceil((INPUTS * share) / BATCH) * BATCH;
}

/** One call to be made, whatever its bytes are. */
export interface Input {
  readonly path: string;
  readonly role: string;
  readonly bytes: Uint8Array;
}

/** What came back: how it ended, and whatever was answered, still encoded. */
export interface Outcome {
  readonly error?: RpcError | undefined;
  readonly answers: readonly Uint8Array[];
}

/** How often each RPC ended in each way, "OK" or the reason. */
export type Tally = Map<string, Map<string, number>>;

/**
 * Makes `count` calls and complains of every one that ended as none may, with the bytes that were sent.
 *
 * @param forbidden texts that no answer may hold
 * @throws Error with the seed, from which the same inputs come again
 */
export async function campaign<T extends Input>(
  input: fc.Arbitrary<T>,
  count: number,
  forbidden: readonly string[],
  send: (input: T) => Promise<Outcome>,
): Promise<Tally> {
  const tally: Tally = new Map();
  await fc.assert(
    fc.asyncProperty(fc.array(input, { minLength: BATCH, maxLength: BATCH, size: 'max' }), async (inputs) => {
      const complaints: string[] = [];
      await pipelined(inputs, IN_FLIGHT, async (each) => {
        const { error, answers } = await settled(() => send(each));
        const ended = tally.get(each.path) ?? new Map<string, number>();
        tally.set(each.path, ended);
        const name = error === undefined ? 'OK' : error.reason || error.codeName;
        ended.set(name, (ended.get(name) ?? 0) + 1);
        const complaint = complaintOf(error, answers, forbidden);
        if (complaint) {
          complaints.push(`${each.path} as ${each.role} ${Buffer.from(each.bytes).toString('hex')}: ${complaint}`);
        }
      });
      if (complaints.length > 0) throw new Error(complaints.slice(0, SHOWN).join('\n'));
    }),
    {
      numRuns: count / BATCH,
      // Five hundred at once are not made simpler; the complaint holds the bytes.
      endOnFailure: true,
      ...(SEED === undefined ? {} : { seed: SEED }),
      reporter: ({ failed, seed, errorInstance }) => {
        if (failed) throw new Error(`FUZZ_SEED=${seed}: ${errorInstance}`, { cause: errorInstance });
      },
    },
  );
  return tally;
}

/**
 * On a machine that is busy with other things a process may stand still for longer than a key waits to be
 * read again (half a second): that is no answer to an input, and it is sent again.
 */
async function settled(send: () => Promise<Outcome>): Promise<Outcome> {
  let outcome = await send();
  for (let tries = 1; outcome.error?.reason === 'DATABASE_UNAVAILABLE' && tries < TRIES; tries++)
    outcome = await send();
  return outcome;
}

/** "12000 OK, 300 INVALID_FIELD" of all RPCs together. */
export function summaryOf(tally: Tally): string {
  const sums = new Map<string, number>();
  for (const ended of tally.values()) for (const [name, n] of ended) sums.set(name, (sums.get(name) ?? 0) + n);
  return [...sums]
    .toSorted(([, a], [, b]) => b - a)
    .map(([name, n]) => `${n} ${name}`)
    .join(', ');
}
