import { expect, it } from 'vitest';
import type { JsonObject } from '../../src/server/domain/memory.ts';
import { rowBytes } from '../../src/server/repository/statements/row-bytes.ts';
import { toRevisionMessage } from '../../src/server/rpc/memory/proto-codec.ts';
import { Revision } from '../../src/shared/gen/memoryhub/v1/memory.ts';
import { LIMITS } from '../../src/shared/limits.ts';
import { fields, personal, save } from '../contract/fixtures.ts';
import { testRepository } from './support/repository.ts';

const subject = testRepository();
const text = (bytes: number) => 'x'.repeat(bytes);
const list = (item: string) => JSON.parse(`{"l":[${Array(1000).fill(item).join()}]}`) as JsonObject;

it.each([
  ['no metadata', undefined],
  ['zeros', list('0')],
  ['numbers that are printed at length', list('1e300')],
  ['empty texts', list('""')],
  ['truths', list('true')],
  ['empty objects', list('{}')],
  ['objects', list('{"":0}')],
])('rowBytes says at least a third of what the longest names and %s take', async (_, metadata) => {
  const hub = await subject().newHub();
  const { max } = LIMITS.identifierBytes;
  const given = fields({ category: text(max), content: 'x', metadata });
  const change = save({ owner: personal(text(max)), key: text(LIMITS.keyBytes.max), fields: given });
  await hub.done(change, { note: text(LIMITS.noteBytes.max), author: text(LIMITS.keyNameBytes.max) });
  const [revision] = (await hub.history(change.id)).revisions;
  if (revision === undefined) throw new Error('no history');
  const { rows } = await subject().database.pool.query<{ bytes: number }>({
    text: `SELECT ${rowBytes('r')} AS bytes FROM memory_revisions r WHERE memory_id = $1`,
    values: [change.id],
  });
  const message = Revision.encode(toRevisionMessage(revision)).finish();
  expect(3 * (rows[0]?.bytes ?? 0)).toBeGreaterThanOrEqual(message.length);
});
