import { reaches } from '../domain/access.ts';
import type { MemoryCodec, Revision } from '../domain/memory.ts';
import type { WriteOutcome, WriteRequest } from '../domain/repository.ts';
import type { Replay } from './group-commit-outcome.ts';
import { recordOf } from './memory-rows.ts';

/**
 * The answer of a request that was done before, from what history kept of it. When every change left
 * an entry they are in the order of the request, whose new ids may differ from then (the server makes
 * one for each save without); otherwise a missing memory was allowed, and ids say which.
 *
 * A caller who does not reach what the first one wrote learns only that the request_id is taken; the
 * same goes for history that was purged since.
 */
export function replayed(
  request: WriteRequest,
  replay: Replay,
  history: readonly Revision[],
  codec: MemoryCodec,
): WriteOutcome {
  const whole = history.length === replay.changes;
  if (!whole || !history.every(({ memory }) => reaches(request.access, memory))) {
    return { kind: 'refused', index: 0, refusal: { kind: 'request_id_reused' } };
  }
  const inOrder = history.length === request.changes.length;
  const byId = new Map(history.map((revision) => [revision.memory.id, revision]));
  const records = request.changes.map((change, index) => {
    const revision = inOrder ? history[index] : byId.get(change.id);
    return revision && recordOf(revision.memory, codec);
  });
  return { kind: 'done', replayed: true, records, head: replay.head };
}
