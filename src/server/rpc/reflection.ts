import { readFileSync } from 'node:fs';
import type { Server, ServerDuplexStream, ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js';
import { loadFileDescriptorSetFromBuffer, loadSync } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';
import { protoPath as healthProto } from 'grpc-health-check';
import { shuttingDown } from './call-chain.ts';
import { DESCRIPTOR_SET } from './method-field.ts';
import { statusOf } from './status.ts';

type Wire = ServerDuplexStream<unknown, unknown>;
type Handler = (wire: Wire) => void;

/**
 * grpc.reflection.v1 and v1alpha over the checked-in descriptor set, so that grpcurl and `buf curl`
 * need no proto files. The library's handlers answer as fast as they are asked; here the asking
 * waits for the answers to be taken, and open streams end with the server.
 */
export class Reflection {
  readonly #open = new Set<Wire>();

  addTo(server: Server): void {
    const files = loadFileDescriptorSetFromBuffer(readFileSync(DESCRIPTOR_SET));
    const add = (service: ServiceDefinition, implementation: UntypedServiceImplementation) => {
      const handlers = Object.entries(implementation).map(([name, handler]) => [name, this.#paced(handler as Handler)]);
      server.addService(service, Object.fromEntries(handlers));
    };
    new ReflectionService({ ...files, ...loadSync(healthProto) }).addToServer({ addService: add });
  }

  /** Ends the open streams because the server stops. */
  end(): void {
    for (const wire of this.#open) wire.emit('error', statusOf(shuttingDown()));
  }

  #paced(handler: Handler): Handler {
    return (wire) => {
      this.#open.add(wire);
      wire.once('cancelled', () => this.#open.delete(wire));
      const write = wire.write.bind(wire) as (message: unknown) => boolean;
      wire.write = (message: unknown) => {
        const flowing = write(message);
        if (!flowing) {
          wire.pause();
          wire.once('drain', () => wire.resume());
        }
        return flowing;
      };
      handler(wire);
    };
  }
}
