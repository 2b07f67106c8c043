import { hash } from 'node:crypto';
import { type Access, accessName } from './access.ts';

/**
 * What a request_id stands for: SHA-256 over the RPC's name, what the credential reaches, and the
 * canonical form of the decoded request. Two encodings of the same request (fields or Struct keys in
 * another order, defaults written out) have the same hash. The reach is in it because it fills in
 * whose the memory is, and because an answer is replayed only to those who may see it.
 */
export function requestHash(rpc: string, access: Access, request: object): Uint8Array {
  return hash('sha256', `${rpc}\n${accessName(access)}\n${canonical(request)}`, 'buffer');
}

/** JSON with the names of every object sorted; 64-bit integers as digits, absent fields left out. */
function canonical(value: unknown): string {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  fields.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${canonical(field)}`).join()}}`;
}
