import { CODE_NAMES, type RpcError } from '../../../src/shared/rpc-error.ts';
import { INTERNALS } from '../../faults/support/validators.ts';

/** Codes that say the server did not know what to do; DEADLINE_EXCEEDED is that nothing came back at all. */
const NEVER = new Set(['UNKNOWN', 'INTERNAL', 'DEADLINE_EXCEEDED', 'UNAVAILABLE', 'DATA_LOSS', 'CANCELLED']);

/**
 * What is wrong about how a call ended; undefined when nothing is.
 *
 * @param forbidden texts of others, which neither an answer nor a refusal may hold
 */
export function complaintOf(
  error: RpcError | undefined,
  answers: readonly Uint8Array[] = [],
  forbidden: readonly string[] = [],
): string | undefined {
  const told = [...answers, ...(error?.details ?? []).map(({ value }) => value)].map((bytes) => Buffer.from(bytes));
  const leaked = forbidden.find((text) => error?.message.includes(text) || told.some((bytes) => bytes.includes(text)));
  if (leaked !== undefined) return `tells of others: ${leaked}`;
  if (error === undefined) return undefined;
  const name = CODE_NAMES[error.code] ?? `code ${error.code}`;
  if (NEVER.has(name)) return `${name} ${error.reason}: ${error.message}`;
  if (error.reason === '') return `${name} without a reason: ${error.message}`;
  const inside = [error.message, ...error.details.map(({ value }) => Buffer.from(value).toString())];
  const internal = inside.find((text) => INTERNALS.test(text));
  return internal === undefined ? undefined : `leaks: ${internal}`;
}

/** Keeps `width` of the pieces of work going until all are done. */
export async function pipelined<T>(
  items: readonly T[],
  width: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < items.length) await work(items[next++] as T);
  };
  await Promise.all(Array.from({ length: width }, lane));
}
