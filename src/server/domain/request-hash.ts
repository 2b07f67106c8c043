import { hash } from 'node:crypto';
import { type Access, accessName } from './access.ts';
import { canonical } from './canonical.ts';

/**
 * What a request_id stands for: SHA-256 over the RPC's name, what the credential reaches, and the
 * canonical form of the decoded request. Two encodings of the same request (fields or Struct keys in
 * another order, defaults written out) have the same hash. The reach is in it because it fills in
 * whose the memory is, and because an answer is replayed only to those who may see it.
 */
export function requestHash(rpc: string, access: Access, request: object): Uint8Array {
  return hash('sha256', `${rpc}\n${accessName(access)}\n${canonical(request)}`, 'buffer');
}
