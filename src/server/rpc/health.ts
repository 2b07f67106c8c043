import { status } from '@grpc/grpc-js';
import {
  type HealthCheckRequest,
  type HealthCheckResponse,
  type HealthListResponse,
  HealthService,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from '../../shared/gen/health/v1/health.ts';
import { ProtocolError } from './errors.ts';
import type { AnyMethod, Call, StreamMethod, UnaryMethod } from './method.ts';

/**
 * grpc.health.v1: what load balancers and monitors ask, without a key. The empty name stands for the
 * server as a whole.
 */
export class Health {
  readonly #serving = new Map<string, boolean>([['', false]]);
  readonly #wakers = new Set<() => void>();
  #draining = false;

  /** Says whether a service would answer now. */
  setServing(serviceName: string, serving: boolean): void {
    this.#serving.set(serviceName, serving);
    this.#wake();
  }

  /** From now on nothing serves, whatever setServing says. */
  drain(): void {
    this.#draining = true;
    this.#wake();
  }

  /** The RPCs, for the server's table of methods. */
  methods(): AnyMethod[] {
    const check: UnaryMethod<HealthCheckRequest, HealthCheckResponse> = {
      definition: HealthService.check,
      roles: [],
      open: true,
      handle: async (_call, request) => {
        const answer = this.#status(request.service);
        // The protocol wants this code, and the text must not repeat what was asked.
        if (answer === ServingStatus.SERVICE_UNKNOWN)
          throw new ProtocolError(status.NOT_FOUND, 'there is no such service');
        return { status: answer };
      },
    };
    const list: UnaryMethod<unknown, HealthListResponse> = {
      definition: HealthService.list,
      roles: [],
      open: true,
      handle: async () => ({
        statuses: Object.fromEntries([...this.#serving.keys()].map((name) => [name, { status: this.#status(name) }])),
      }),
    };
    const watch: StreamMethod<HealthCheckRequest, HealthCheckResponse> = {
      definition: HealthService.watch,
      roles: [],
      open: true,
      handle: (call, request) => this.#watch(call, request.service),
    };
    return [check, list, watch];
  }

  async *#watch(call: Call, serviceName: string): AsyncGenerator<HealthCheckResponse> {
    let sent: ServingStatus | undefined;
    while (!call.signal.aborted) {
      const now = this.#status(serviceName);
      if (now !== sent) {
        sent = now;
        yield { status: now };
      } else {
        await this.#changed(call.signal);
      }
    }
  }

  #changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.#wakers.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#wakers.add(wake);
      signal.addEventListener('abort', wake);
    });
  }

  #wake(): void {
    for (const wake of [...this.#wakers]) wake();
  }

  #status(serviceName: string): ServingStatus {
    const serving = this.#serving.get(serviceName);
    if (serving === undefined) return ServingStatus.SERVICE_UNKNOWN;
    return serving && !this.#draining ? ServingStatus.SERVING : ServingStatus.NOT_SERVING;
  }
}
