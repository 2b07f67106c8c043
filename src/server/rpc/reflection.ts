import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BinaryReader } from '@bufbuild/protobuf/wire';
import type { MethodDefinition, Server, ServerDuplexStream, UntypedServiceImplementation } from '@grpc/grpc-js';
import type { PackageDefinition } from '@grpc/proto-loader';
import { Lazy } from '../../shared/lazy.ts';
import { PACKAGE_ROOT } from '../../shared/package-root.ts';
import { shuttingDown } from './call-chain.ts';
import type { WireLog } from './call-observer.ts';
import { outcomeOf } from './errors.ts';
import { REQUEST_ID_HEADER, requestId } from './metadata.ts';
import { DESCRIPTOR_SET } from './method-field.ts';
import { statusOf } from './status.ts';

/** Made by `buf build node_modules/grpc-health-check/proto --as-file-descriptor-set --exclude-source-info`. */
export const HEALTH_DESCRIPTOR_SET = join(PACKAGE_ROOT, 'proto/health.binpb');

/** FileDescriptorSet.file */
const FILE_FIELD = 1;

/** A stream of questions. */
export type ReflectionCall = ServerDuplexStream<unknown, unknown>;
/** Rejects with what the stream is to end with. */
type Admission = (wire: ReflectionCall) => Promise<void>;

/** What the library does for one version of the protocol. */
interface Version {
  readonly definition: MethodDefinition<unknown, unknown>;
  readonly handler: (wire: ReflectionCall) => void;
}

const PATHS = ['v1', 'v1alpha'].map((version) => `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`);

/**
 * grpc.reflection.v1 and v1alpha over the checked-in descriptor set, so that grpcurl and `buf curl`
 * need no proto files. The library's handlers answer as fast as they are asked; here the asking
 * waits for the answers to be taken, and open streams end with the server. The library, a parser of the protocol and
 * everything that is in the set, is loaded for the first who asks: most servers are never asked, and it takes 15 MB.
 */
export class Reflection {
  readonly #open = new Set<ReflectionCall>();
  readonly #versions = new Map<string, Version>();
  readonly #log: WireLog;
  readonly #descriptorSets: readonly string[];
  readonly #loaded = new Lazy(() => this.#load());

  /** @param descriptorSets paths of what is told */
  constructor(log: WireLog, descriptorSets: readonly string[] = [DESCRIPTOR_SET, HEALTH_DESCRIPTOR_SET]) {
    this.#log = log;
    this.#descriptorSets = descriptorSets;
  }

  addTo(server: Server, admit: Admission): void {
    for (const path of PATHS) {
      // Nothing is read from the caller, nor answered, until it is let in: then the library is there.
      const definition = () => (this.#versions.get(path) as Version).definition;
      const handler = (wire: ReflectionCall) => {
        this.#answer(path, wire, admit).catch((error: unknown) => this.#fail(path, wire, error));
      };
      const encode = (answer: unknown) => definition().responseSerialize(answer);
      const decode = (bytes: Buffer) => definition().requestDeserialize(bytes);
      server.register(path, handler, encode, decode, 'bidi');
    }
  }

  /** Ends the open streams because the server stops. */
  end(): void {
    for (const wire of this.#open) wire.emit('error', statusOf(shuttingDown()));
  }

  async #answer(path: string, wire: ReflectionCall, admit: Admission): Promise<void> {
    await admit(wire);
    await this.#loaded.get();
    if (wire.cancelled) return;
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
    this.#versions.get(path)?.handler(wire);
  }

  #fail(path: string, wire: ReflectionCall, error: unknown): void {
    const { status, unexpected } = outcomeOf(error);
    const callId = requestId(wire.metadata);
    status.metadata.set(REQUEST_ID_HEADER, callId);
    if (unexpected) this.#log.unexpectedError(path, callId, undefined, error);
    wire.emit('error', status);
  }

  async #load(): Promise<void> {
    const { ReflectionService } = await import('@grpc/reflection');
    // All the library looks at in a package definition is its files.
    const fileDescriptorProtos = this.#descriptorSets.flatMap((path) => filesOf(readFileSync(path)));
    const files = { all: { fileDescriptorProtos } } as unknown as PackageDefinition;
    const addService = (
      service: Record<string, MethodDefinition<unknown, unknown>>,
      implementation: UntypedServiceImplementation,
    ) => {
      for (const [name, definition] of Object.entries(service)) {
        this.#versions.set(definition.path, { definition, handler: implementation[name] as Version['handler'] });
      }
    };
    new ReflectionService(files).addToServer({ addService });
  }
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
