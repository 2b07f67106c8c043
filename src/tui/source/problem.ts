import type { RpcError } from '../../shared/rpc-error.ts';
import type { Problem } from '../state/connection.ts';

/** What went wrong, and what an operator can do about it. */
export function problemOf(error: RpcError, hasCredential: boolean): Problem {
  // Nobody here cancelled it: the server went away without a word.
  if (error.codeName === 'CANCELLED') return { code: 'UNAVAILABLE', text: 'the server closed the stream' };
  const advice = adviceOn(error, hasCredential);
  return { code: error.codeName, text: error.message, ...(advice === undefined ? {} : { advice }) };
}

function adviceOn({ codeName, message, reason }: RpcError, hasCredential: boolean): string | undefined {
  switch (codeName) {
    case 'UNAUTHENTICATED':
      return hasCredential
        ? 'The server does not know this key, or it was revoked. Give another one: --key-file FILE or MEMORYHUB_API_KEY.'
        : 'No key was found. Give one: --key-file FILE, MEMORYHUB_API_KEY, or MEMORYHUB_DATA_DIR of the server.';
    case 'PERMISSION_DENIED':
      return 'This key may not see statistics: they need the role monitor or operator (operator.key).';
    case 'UNIMPLEMENTED':
      return 'There is a server at this address, but it is not Memory Hub, or an older one.';
    case 'UNAVAILABLE':
      if (reason !== '') return undefined;
      return message === 'connection refused' || message === 'no such host'
        ? 'Is the server running? `npm start` starts one; --address or MEMORYHUB_ADDRESS says where another is.'
        : undefined;
    default:
      return undefined;
  }
}

/** What went wrong while memories were read; their key is another than that for statistics. */
export function memoryProblemOf(error: RpcError): Problem {
  const advice =
    error.codeName === 'UNAUTHENTICATED'
      ? 'The server does not know this key, or it was revoked.'
      : error.codeName === 'PERMISSION_DENIED'
        ? 'Memories need a key of role reader, writer or admin; keys of operators see statistics only.'
        : undefined;
  return { code: error.codeName, text: error.message, ...(advice === undefined ? {} : { advice }) };
}
