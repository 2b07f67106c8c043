import type { ClientReadableStream, ServiceError } from '@grpc/grpc-js';
import type { Argv } from 'yargs';
import { connect } from '../shared/client.ts';
import { findTarget, type Target } from '../shared/discovery.ts';
import { AdminServiceClient } from '../shared/gen/memoryhub/v1/admin_service.ts';
import { MemoryServiceClient } from '../shared/gen/memoryhub/v1/memory_service.ts';
import { type CommandFailure, explain } from './failure.ts';

/** Flags of every command that calls a server. A key is never given in the arguments: others could read it there. */
export interface ConnectionFlags {
  address: string | undefined;
  keyFile: string | undefined;
  json: boolean;
}

export function connectionFlags<T>(argv: Argv<T>) {
  return argv
    .option('address', { type: 'string', describe: 'HOST:PORT; else MEMORYHUB_ADDRESS, else the local server' })
    .option('key-file', {
      type: 'string',
      describe: "File with an API key; else MEMORYHUB_API_KEY, else the local server's",
    })
    .option('json', { type: 'boolean', default: false, describe: 'One JSON object a line, for scripts' });
}

/** A connection to the server for the length of one command. */
export class Session {
  readonly target: Target;
  readonly memories: MemoryServiceClient;
  readonly admin: AdminServiceClient;

  constructor(target: Target) {
    this.target = target;
    const { address, credential } = target;
    const options = { address, deadlineMs: 30_000, ...(credential === undefined ? {} : { credential }) };
    this.memories = connect(MemoryServiceClient, options);
    this.admin = connect(AdminServiceClient, options);
  }

  /** Makes one unary call: `session.call((done) => session.memories.getMemory(request, done))`. */
  async call<Response>(
    start: (done: (error: ServiceError | null, response: Response) => void) => unknown,
  ): Promise<Response> {
    try {
      return await new Promise<Response>((resolve, reject) => {
        start((error, response) => (error ? reject(error) : resolve(response)));
      });
    } catch (error) {
      throw this.failure(error);
    }
  }

  /** Yields the messages of a stream; leaving the loop cancels it. */
  async *read<Response>(stream: ClientReadableStream<Response>): AsyncGenerator<Response> {
    try {
      yield* stream as AsyncIterable<Response>;
    } catch (error) {
      throw this.failure(error);
    } finally {
      stream.cancel();
    }
  }

  failure(error: unknown): CommandFailure {
    return explain(error, this.target.address, this.target.credentialFrom);
  }

  close(): void {
    this.memories.close();
    this.admin.close();
  }
}

/** Connects as the flags say, runs the command, and closes. */
export async function withSession(
  flags: ConnectionFlags,
  key: 'admin' | 'operator',
  run: (session: Session) => Promise<void>,
): Promise<void> {
  const session = new Session(findTarget({ address: flags.address, keyFile: flags.keyFile, key }));
  try {
    await run(session);
  } finally {
    session.close();
  }
}
