import { ClientTlsError } from '../shared/client-tls.ts';
import { AddressError, KeyFileError, type Target } from '../shared/discovery.ts';
import { BadRequest } from '../shared/gen/google/rpc/error_details.ts';
import { type RpcError, toRpcError } from '../shared/rpc-error.ts';

/** Ends a command with a sentence on standard error. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure';
  readonly exitCode: number;

  constructor(message: string, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

const BAD_REQUEST_URL = 'type.googleapis.com/google.rpc.BadRequest';
const UNAVAILABLE = 14;
const UNAUTHENTICATED = 16;

/** Whom a command called, and as whom. */
export type Called = Pick<Target, 'address' | 'credential' | 'credentialFrom'>;

/** What went wrong, in words that say what to do about it. */
export function explain(error: unknown, called?: Called): CommandFailure {
  if (error instanceof CommandFailure) return error;
  if ([AddressError, ClientTlsError, KeyFileError].some((kind) => error instanceof kind))
    return new CommandFailure((error as Error).message);
  const rpc = toRpcError(error);
  if (rpc.code === 2 && !rpc.reason) return new CommandFailure(error instanceof Error ? error.message : String(error));
  if (rpc.code === UNAVAILABLE && !rpc.reason) {
    const where = called === undefined ? 'the server' : `a server at ${called.address}`;
    const how = rpc.message === 'connection refused' ? ' `npm start` starts one.' : '';
    return new CommandFailure(`cannot reach ${where}: ${rpc.message}.${how}`);
  }
  if (rpc.code === UNAUTHENTICATED && called) {
    const { address, credential, credentialFrom } = called;
    if (credential !== undefined) return new CommandFailure(`${rpc.message} (the key is from ${credentialFrom})`);
    return new CommandFailure(
      `the server at ${address} asks for an API key, and there is none: ${credentialFrom} is not there. ` +
        'Give one with --key-file or MEMORYHUB_API_KEY, or say where the server keeps its data with MEMORYHUB_DATA_DIR.',
    );
  }
  const fields = fieldViolations(rpc);
  return new CommandFailure(`${rpc.codeName}${rpc.reason ? ` ${rpc.reason}` : ''}: ${fields || rpc.message}`);
}

/** The fields a server refused, one a line. */
export function fieldViolations(error: RpcError): string {
  const detail = error.details.find((candidate) => candidate.typeUrl === BAD_REQUEST_URL);
  if (!detail) return '';
  return BadRequest.decode(detail.value)
    .fieldViolations.map((violation) => `${violation.field}: ${violation.description}`)
    .join('\n');
}
