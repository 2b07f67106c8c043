import { BinaryReader } from '@bufbuild/protobuf/wire';
import { ServiceError } from '../domain/errors.ts';
import type { MethodDefinition } from './method.ts';
import { fieldAt } from './method-field.ts';

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

class InvalidUtf8 extends Error {
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    super('invalid UTF-8');
    this.bytes = bytes;
  }
}

/**
 * A reader that makes no object for each string, and whose text is never replaced: the library's own puts
 * U+FFFD in the place of what it cannot read.
 */
class RequestReader extends BinaryReader {
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    super(bytes);
    this.#bytes = bytes;
  }

  override string(): string {
    const length = this.uint32();
    const start = this.pos;
    const end = start + length;
    if (end > this.len) throw new RangeError('premature end of message');
    this.pos = end;
    const text = this.#bytes.toString('utf8', start, end);
    // What was no UTF-8 has it now, and so has text that says so itself.
    return text.includes(REPLACEMENT) ? strict(this.#bytes.subarray(start, end)) : text;
  }
}

const REPLACEMENT = '\ufffd';

function strict(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new InvalidUtf8(bytes);
  }
}

/**
 * Decodes a request.
 *
 * @throws ServiceError MALFORMED_MESSAGE: the bytes are no such message, or a string in them is not
 *   UTF-8; the field is named
 */
export function decodeRequest<Request>(definition: MethodDefinition<Request, unknown>, bytes: Buffer): Request {
  try {
    // The generated decoders take a reader in the place of the bytes, which their service
    // definitions do not say; test/rpc/malformed holds this.
    return definition.requestDeserialize(new RequestReader(bytes) as unknown as Buffer);
  } catch (cause) {
    throw malformed(definition.path, bytes, cause);
  }
}

function malformed(path: string, bytes: Buffer, cause: unknown): ServiceError {
  if (!(cause instanceof InvalidUtf8)) {
    return new ServiceError(
      'MALFORMED_MESSAGE',
      `the ${bytes.byteLength} bytes of the request are not the message of this RPC`,
      {
        cause,
      },
    );
  }
  const field = fieldAt(path, bytes, cause.bytes.byteOffset - bytes.byteOffset);
  return new ServiceError('MALFORMED_MESSAGE', `${field}: not valid UTF-8`, {
    violations: [{ field, description: 'not valid UTF-8' }],
    metadata: { field },
    cause,
  });
}
