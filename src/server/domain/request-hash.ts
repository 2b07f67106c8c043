import { hash } from 'node:crypto';
import { type Access, accessName } from './access.ts';
import { ByteSink } from './byte-sink.ts';
import { writeCanonical } from './canonical.ts';

const FIRST_BYTES = 64 * 1024;
/** A larger buffer is not kept for the next request. */
const KEPT_BYTES = 1024 * 1024;
let sink = new ByteSink(FIRST_BYTES);

/**
 * What a request_id stands for: SHA-256 over the RPC's name, what the credential reaches, and the
 * canonical form of the decoded request. Two encodings of the same request (fields or Struct keys in
 * another order, defaults written out) have the same hash. The reach is in it because it fills in
 * whose the memory is, and because an answer is replayed only to those who may see it.
 */
export function requestHash(rpc: string, access: Access, request: object): Uint8Array {
  if (sink.bytes.length > KEPT_BYTES) sink = new ByteSink(FIRST_BYTES);
  sink.length = 0;
  sink.text(`${rpc}\n${accessName(access)}\n`);
  writeCanonical(request, sink);
  return hash('sha256', sink.written, 'buffer');
}
