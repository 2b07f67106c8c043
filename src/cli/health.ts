import { Metadata } from '@grpc/grpc-js';
import { connect } from '../shared/client.ts';
import type { TlsOptions } from '../shared/client-tls.ts';
import { HealthClient, HealthCheckResponse_ServingStatus as ServingStatus } from '../shared/gen/health/v1/health.ts';

/** Less than a container's health check usually waits. */
const TIMEOUT_MS = 2000;

export type Health = 'SERVING' | 'NOT_SERVING' | 'no answer';

/** What a server says of itself as a whole, by grpc.health.v1, which needs no key. */
export function serverHealth(address: string, tls?: TlsOptions): Promise<Health> {
  const client = connect(HealthClient, { address, ...(tls && { tls }) });
  return new Promise((resolve) => {
    client.check({ service: '' }, new Metadata(), { deadline: Date.now() + TIMEOUT_MS }, (error, answer) => {
      client.close();
      if (error) resolve('no answer');
      else resolve(answer.status === ServingStatus.SERVING ? 'SERVING' : 'NOT_SERVING');
    });
  });
}
