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

/** Up to this length a look at every byte is cheaper than a call of the decoder: ids, names, keys. */
const SHORT_BYTES = 64;

/** The reader's own decoder puts U+FFFD in the place of what it cannot read; text is never replaced. */
function decodeUtf8(bytes: Uint8Array): string {
  if (bytes.length <= SHORT_BYTES && Buffer.isBuffer(bytes) && isAscii(bytes)) return bytes.toString('latin1');
  try {
    return decoder.decode(bytes);
  } catch {
    throw new InvalidUtf8(bytes);
  }
}

function isAscii(bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) if ((bytes[i] as number) >= 0x80) return false;
  return true;
}

/**
 * Decodes a request.
 *
 * @throws ServiceError MALFORMED_MESSAGE: the bytes are no such message, or a string in them is not
 *   UTF-8; the field is named
 */
export function decodeRequest<Request>(definition: MethodDefinition<Request, unknown>, bytes: Buffer): Request {
  try {
    if (definition.foreign) return definition.requestDeserialize(bytes);
    // The generated decoders take a reader in the place of the bytes, which their service
    // definitions do not say; test/rpc/malformed holds this.
    return definition.requestDeserialize(new BinaryReader(bytes, decodeUtf8) as unknown as Buffer);
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
