import { Client, type MethodDefinition } from '@grpc/grpc-js';
import { service } from 'grpc-health-check';
import { connect } from '../shared/client.ts';
import type { TlsOptions } from '../shared/client-tls.ts';

/** Less than a container's health check usually waits. */
const TIMEOUT_MS = 2000;

export type Health = 'SERVING' | 'NOT_SERVING' | 'no answer';

/** What a server says of itself as a whole, by grpc.health.v1, which needs no key. */
export function serverHealth(address: string, tls?: TlsOptions): Promise<Health> {
  // The package types its methods by their names only.
  const check = service.Check as unknown as MethodDefinition<{ service: string }, { status: Health }>;
  const client = connect(Client, { address, ...(tls && { tls }) });
  return new Promise((resolve) => {
    client.makeUnaryRequest(
      check.path,
      check.requestSerialize,
      check.responseDeserialize,
      { service: '' },
      { deadline: Date.now() + TIMEOUT_MS },
      (error, answer) => {
        client.close();
        resolve(error || !answer ? 'no answer' : answer.status);
      },
    );
  });
}
