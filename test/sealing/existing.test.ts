import { beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject, Memory } from '../../src/server/domain/memory.ts';
import { Field } from '../../src/server/domain/repository.ts';
import { ExistingSecrets } from '../../src/server/domain/sealing/existing-secrets.ts';
import type { PlainRows } from '../../src/server/domain/sealing/plain-rows.ts';
import { SensitiveNames } from '../../src/shared/sensitive-names.ts';
import { callIn, Hub, restore, save, update } from '../contract/fixtures.ts';
import { newWorkspace, testRepository } from '../repository/support/repository.ts';
import { openSealing, type SealingUnderTest } from '../support/sealing.ts';

const SECRET = 'planted-hush-4711';
const PLACEHOLDER = expect.stringMatching(/^\[sealed:[A-Za-z0-9_-]{12}\]$/);

const subject = testRepository();
let process: SealingUnderTest;
beforeAll(async () => {
  process = await openSealing(subject().database);
});

const newHub = async () => new Hub(subject().repository, await newWorkspace(subject().database));
/** As a server wrote it that did not know the name. */
const plainly = (hub: Hub, metadata: JsonObject) => hub.done(save({ fields: { ...save().fields, metadata } }));
const clear = async (hub: Hub, memory: Memory, names = ['pin']) =>
  (await process.metadata(subject().repository, names).revealed(callIn(hub.workspaceId), [memory]))[0]?.metadata;

async function sealExisting(names = ['pin']): Promise<number> {
  let rows = 0;
  for await (rows of process.existing(names).seal(new AbortController().signal));
  return rows;
}

/** Tables of which a row, whatever column it is in, holds the text. */
async function tablesWith(workspaceId: number, text: string): Promise<string[]> {
  const found: string[] = [];
  for (const table of ['memories', 'memory_revisions', 'settings', 'setting_revisions']) {
    const { rows } = await subject().database.pool.query({
      text: `SELECT 1 FROM ${table} t WHERE workspace_id = $1 AND strpos(t::text, $2) > 0`,
      values: [workspaceId, text],
    });
    if (rows.length > 0) found.push(table);
  }
  return found;
}

describe('secrets that were stored in clear', () => {
  it('are sealed in memories and all of their history, and open for who may see them', async () => {
    const hub = await newHub();
    const memory = await plainly(hub, { pin: `${SECRET} 1`, other: { deep: [{ pin: { a: `${SECRET} 2` } }] } });
    await hub.done(update(memory.id, Field.CONTENT, { content: 'changed' }));
    expect(await tablesWith(hub.workspaceId, SECRET)).toEqual(['memories', 'memory_revisions']);
    const { epoch: before, head } = await stateOf(hub);

    expect(await sealExisting()).toBe(2);
    expect(await tablesWith(hub.workspaceId, SECRET)).toEqual([]);
    const shown = { pin: PLACEHOLDER, other: { deep: [{ pin: PLACEHOLDER }] } };
    const now = (await hub.get(memory.id)) ?? expect.unreachable();
    expect(now).toMatchObject({ metadata: shown, content: 'changed', revision: 2 });
    const inClear = { pin: `${SECRET} 1`, other: { deep: [{ pin: { a: `${SECRET} 2` } }] } };
    expect(await clear(hub, now)).toEqual(inClear);
    for (const { memory: revision } of (await hub.history(memory.id)).revisions) {
      expect(revision.metadata).toEqual(shown);
      expect(await clear(hub, revision)).toEqual(inClear);
    }
    // No change of anybody's; but what caches hold of the workspace is out of use.
    expect(await stateOf(hub)).toEqual({ head, epoch: before + 1 });
    expect(await sealExisting()).toBe(0);
  });

  it('are sealed with what is sealed already within them, and texts that only look so', async () => {
    const hub = await newHub();
    const sealing = process.metadata(subject().repository);
    const metadata = { card: { password: SECRET, n: 1 }, pin: '[sealed:AAAAAAAAAAAA]', note: '[sealed:AAAAAAAAAAAA]' };
    const change = save({ fields: { ...save().fields, metadata } });
    const { changes } = await sealing.seal(hub.workspaceId, { note: '', requestId: '' }, [change], () => 'memory');
    const [sealed = change] = changes;
    const memory = await hub.done(sealed);
    const names = ['pin', 'card'];
    expect(await sealExisting(names)).toBe(1);
    const now = (await hub.get(memory.id)) ?? expect.unreachable();
    expect(now.metadata).toEqual({ card: PLACEHOLDER, pin: PLACEHOLDER, note: '[sealed:AAAAAAAAAAAA]' });
    expect(await clear(hub, now, names)).toEqual(metadata);
    expect(await sealExisting(names)).toBe(0);
  });

  it('are sealed in settings and their history', async () => {
    const hub = await newHub();
    const { pool } = subject().database;
    await pool.query({
      text: `WITH r AS (INSERT INTO setting_revisions (workspace_id, name, operation, value)
                        SELECT $1, 'door.pin', 1, to_jsonb($2::text || n) FROM generate_series(1, 2) n RETURNING change_no, value)
             INSERT INTO settings (workspace_id, name, value, change_no)
             SELECT $1, 'door.pin', value, change_no FROM r ORDER BY change_no DESC LIMIT 1`,
      values: [hub.workspaceId, SECRET],
    });
    await pool.query({
      text: "INSERT INTO setting_revisions (workspace_id, name, operation) VALUES ($1, 'door.pin', 3)",
      values: [hub.workspaceId],
    });
    expect(await sealExisting()).toBe(3);
    expect(await tablesWith(hub.workspaceId, SECRET)).toEqual([]);
    const { rows } = await pool.query<{ value: string; sealed: object }>({
      text: 'SELECT value, sealed FROM settings WHERE workspace_id = $1',
      values: [hub.workspaceId],
    });
    expect(rows).toEqual([{ value: PLACEHOLDER, sealed: expect.any(Object) }]);
    const [[key = '', text = ''] = []] = Object.entries(rows[0]?.sealed ?? {});
    const row = { workspaceId: hub.workspaceId, kind: 'setting', row: '["","door.pin"]' } as const;
    const opened = await process.sealing.sealer.open(hub.workspaceId, [{ row, key, text }], undefined);
    expect(opened).toEqual([JSON.stringify(`${SECRET}2`)]);
  });

  it('are all found though writers copy them on meanwhile, and it is broken off and begun again', async () => {
    const hub = await newHub();
    const memories = await Promise.all(
      Array.from({ length: 40 }, (_, n) => plainly(hub, { pin: `${SECRET} ${n}`, n })),
    );
    let isSealing = true;
    const writing = (async () => {
      for (let n = 0; isSealing; n++) {
        const { id } = memories[n % memories.length] as Memory;
        if (n % 5 === 0) await hub.done(restore(id, 1));
        else await hub.done(update(id, Field.CONTENT, { content: `${n}` }));
      }
    })();
    const broken = new AbortController();
    const pass = process.existing(['pin']).seal(broken.signal);
    await pass.next();
    broken.abort();
    await expect(pass.next()).rejects.toThrow();
    await sealExisting();
    isSealing = false;
    await writing;
    // What the last writes copied was sealed by then.
    expect(await tablesWith(hub.workspaceId, SECRET)).toEqual([]);
    for (const [n, { id }] of memories.entries()) {
      const now = (await hub.get(id)) ?? expect.unreachable();
      expect(await clear(hub, now)).toEqual({ pin: `${SECRET} ${n}`, n });
    }
  });
});

describe('a page of them', () => {
  it('is followed by what was copied from it until it was sealed', async () => {
    const hub = await newHub();
    const memory = await plainly(hub, { pin: SECRET });
    const rows = process.plainRows();
    let copied = false;
    const schedule: PlainRows = {
      ...rows,
      replace: async (table, workspaceId, page) => {
        if (!copied && workspaceId === hub.workspaceId) {
          copied = true;
          await hub.done(update(memory.id, Field.CONTENT, { content: 'in between' }));
        }
        return rows.replace(table, workspaceId, page);
      },
    };
    const pass = new ExistingSecrets(new SensitiveNames(['pin']), process.sealing.sealer, schedule);
    let sealed = 0;
    for await (sealed of pass.seal(new AbortController().signal));
    expect({ copied, sealed }).toEqual({ copied: true, sealed: 2 });
    expect(await tablesWith(hub.workspaceId, SECRET)).toEqual([]);
    expect(await hub.get(memory.id)).toMatchObject({ metadata: { pin: PLACEHOLDER }, content: 'in between' });
  });
});

async function stateOf(hub: Hub): Promise<{ head: number; epoch: number }> {
  const { rows } = await subject().database.pool.query<{ head: string; cache_epoch: string }>({
    text: 'SELECT head, cache_epoch FROM workspace_heads WHERE workspace_id = $1',
    values: [hub.workspaceId],
  });
  return { head: Number(rows[0]?.head), epoch: Number(rows[0]?.cache_epoch) };
}
