import { keyedId } from '../src/server/domain/ids.ts';
import { Scope } from '../src/server/domain/memory.ts';
import { GetMemoryRequest, SaveMemoryRequest } from '../src/shared/gen/memoryhub/v1/memory_service.ts';
import type { Contender } from './alternate.ts';
import { runH2load } from './h2load.ts';
import { keyOf } from './rows.ts';

const SERVICE = '/memoryhub.v1.MemoryService';
const ROW = keyedId('default', { scope: Scope.WORKSPACE, userId: '', team: '' }, keyOf(0));

export const GET: FixedRequest = {
  path: `${SERVICE}/GetMemory`,
  request: GetMemoryRequest.encode(GetMemoryRequest.fromPartial({ target: { $case: 'id', value: ROW } })).finish(),
};

/** A new memory each time: with a request_id or a key the same bytes would be answered from what is there. */
export const SAVE: FixedRequest = {
  path: `${SERVICE}/SaveMemory`,
  request: SaveMemoryRequest.encode(
    SaveMemoryRequest.fromPartial({
      memory: {
        scope: Scope.WORKSPACE,
        category: 'decision',
        content:
          'Deploys happen Tuesdays 14:00-16:00 UTC, outside of the December freeze. Owner: the platform team. ' +
          'The freeze begins on the 15th and ends with the first Monday of January; exceptions go through the on-call.',
        tags: ['deploy', 'load'],
      },
    }),
  ).finish(),
};

export interface FixedRequest {
  readonly path: string;
  readonly request: Uint8Array;
}

/** The same request again and again, by h2load. */
export function fixedCalls(
  name: string,
  call: FixedRequest,
  { address, pid }: { readonly address: string; readonly pid: number },
  credential: string,
): Contender {
  const authorization = `Bearer ${credential}`;
  return { name, pid, run: (seconds) => runH2load({ ...call, address, authorization }, seconds) };
}
