import { ERROR_REASONS, type ErrorReason } from '../../../shared/error-reasons.ts';
import { CODE_NAMES, RpcError } from '../../../shared/rpc-error.ts';
import { byId } from '../by-id.ts';
import { bad, type Check, ok } from '../finding.ts';

const NOWHERE = '00000000-0000-7000-8000-000000000000';
const REPEATED = '6f1c1a52-0000-4000-8000-';
/** Well formed, and nobody's. */
const STRANGER = `mh_${'0'.repeat(16)}_${'0'.repeat(43)}`;

/** Requests that must be refused, each with the reason it must be refused for. */
export const errorHandling: Check = {
  name: 'error-handling',
  about: 'a set of bad requests, and the codes they are answered with',
  async run(context) {
    const { memories, admin } = context.connect('admin');
    const reader = context.connect('reader');
    const { id } = await memories.saveMemory({ memory: { content: 'original', key: crypto.randomUUID() } });
    const requestId = `${REPEATED}${Math.floor(Math.random() * 2 ** 48)
      .toString(16)
      .padStart(12, '0')}`;
    await memories.saveMemory({ memory: { content: 'once' }, requestId });
    const trials: readonly (readonly [title: string, expected: ErrorReason, call: () => unknown])[] = [
      ['no key', 'CREDENTIAL_MISSING', () => context.connect('nobody').memories.getMemory(byId(id))],
      [
        "a stranger's key",
        'CREDENTIAL_INVALID',
        () => context.connect({ credential: STRANGER }).memories.getMemory(byId(id)),
      ],
      ['a reader that writes', 'ROLE_DENIED', () => reader.memories.saveMemory({ memory: { content: 'x' } })],
      ['an admin that makes workspaces', 'ROLE_DENIED', () => admin.createWorkspace({ workspace: { name: 'x' } })],
      ['no content', 'INVALID_FIELD', () => memories.saveMemory({ memory: { content: '' } })],
      ['an id that is none', 'INVALID_FIELD', () => memories.getMemory(byId('none'))],
      ['a filter that is none', 'INVALID_FILTER', () => next(memories.listMemories({ filter: 'category = =' }))],
      ['a page token of nobody', 'INVALID_TOKEN', () => next(memories.listMemories({ pageToken: 'nobody' }))],
      ['an id of nothing', 'MEMORY_NOT_FOUND', () => memories.getMemory(byId(NOWHERE))],
      ['a revision that is not', 'REVISION_NOT_FOUND', () => memories.getRevision({ memoryId: id, revision: 99n })],
      [
        'an old etag',
        'ETAG_MISMATCH',
        () => memories.updateMemory({ memory: { id, content: 'x', etag: '1' }, updateMask: ['content'] }),
      ],
      [
        'a request id of another request',
        'REQUEST_ID_REUSED',
        () => memories.saveMemory({ memory: { content: 'twice' }, requestId }),
      ],
      ['a restored memory that lives', 'NOT_DELETED', () => memories.restoreMemory({ id })],
      [
        'a message of 5 MiB',
        'MESSAGE_TOO_LARGE',
        () => memories.saveMemory({ memory: { content: 'x'.repeat(5 * 1024 * 1024) } }),
      ],
    ];
    const wrong: string[] = [];
    for (const [title, expected, call] of trials) {
      const got = await answerTo(call);
      const wanted = `${CODE_NAMES[ERROR_REASONS[expected]]} ${expected}`;
      if (got !== wanted) wrong.push(`${title} got ${got} instead of ${wanted}`);
    }
    if (wrong.length === 0) return [ok(`${trials.length} bad requests were refused, each with its code and reason.`)];
    return [
      bad(
        `${wrong.length} of ${trials.length} bad requests were answered otherwise than promised: ${wrong.join('; ')}.`,
        'See whether a proxy in front of the server answers in its place, and whether both are of one version.',
      ),
    ];
  },
};

async function answerTo(call: () => unknown): Promise<string> {
  try {
    await call();
    return 'OK';
  } catch (error) {
    return error instanceof RpcError ? `${error.codeName} ${error.reason}`.trim() : String(error);
  }
}

function next<T>(stream: AsyncIterable<T>): Promise<IteratorResult<T>> {
  return stream[Symbol.asyncIterator]().next();
}
