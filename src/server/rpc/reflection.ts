import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BinaryReader } from '@bufbuild/protobuf/wire';
import type { Server, ServerDuplexStream, ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js';
import type { PackageDefinition } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';
import { PACKAGE_ROOT } from '../../shared/package-root.ts';
import { shuttingDown } from './call-chain.ts';
import { outcomeOf } from './errors.ts';
import { DESCRIPTOR_SET } from './method-field.ts';
import { statusOf } from './status.ts';

/** Made by `buf build node_modules/grpc-health-check/proto --as-file-descriptor-set --exclude-source-info`. */
const HEALTH_DESCRIPTOR_SET = join(PACKAGE_ROOT, 'proto/health.binpb');

/** FileDescriptorSet.file */
const FILE_FIELD = 1;

/** A stream of questions. */
export type ReflectionCall = ServerDuplexStream<unknown, unknown>;
type Handler = (wire: ReflectionCall) => void;
/** Rejects with what the stream is to end with. */
type Admission = (wire: ReflectionCall) => Promise<void>;

/**
 * grpc.reflection.v1 and v1alpha over the checked-in descriptor set, so that grpcurl and `buf curl`
 * need no proto files. The library's handlers answer as fast as they are asked; here the asking
 * waits for the answers to be taken, and open streams end with the server.
 */
export class Reflection {
  readonly #open = new Set<ReflectionCall>();

  addTo(server: Server, admit: Admission): void {
    // All the library looks at in a package definition is its files.
    const fileDescriptorProtos = [DESCRIPTOR_SET, HEALTH_DESCRIPTOR_SET].flatMap((path) => filesOf(readFileSync(path)));
    const files = { all: { fileDescriptorProtos } } as unknown as PackageDefinition;
    const add = (service: ServiceDefinition, implementation: UntypedServiceImplementation) => {
      const handlers = Object.entries(implementation).map(([name, handler]) => [
        name,
        admitted(admit, this.#paced(handler as Handler)),
      ]);
      server.addService(service, Object.fromEntries(handlers));
    };
    new ReflectionService(files).addToServer({ addService: add });
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

/** Nothing is read from the caller until it is let in. */
function admitted(admit: Admission, handler: Handler): Handler {
  return (wire) => {
    admit(wire).then(
      () => handler(wire),
      (error: unknown) => wire.emit('error', outcomeOf(error).status),
    );
  };
}

/**
 * The files of an encoded FileDescriptorSet, each as it is. proto-loader would melt the files of a
 * package into one without its imports, which `buf curl` does not take.
 */
function filesOf(set: Uint8Array): Buffer[] {
  const files: Buffer[] = [];
  const reader = new BinaryReader(set);
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === FILE_FIELD) files.push(Buffer.from(reader.bytes()));
    else reader.skip(wireType, field);
  }
  return files;
}
