import { beforeAll, describe, expect, it } from 'vitest';
import { ServiceError } from '../../src/server/domain/errors.ts';
import type { SealInput } from '../../src/server/domain/sealing/sealer.ts';
import { newKey } from '../../src/server/security/sealing/keyring.ts';
import { formatKeyring } from '../../src/server/security/sealing/keyring-text.ts';
import { SEAL_CACHE_ENTRIES } from '../../src/server/security/sealing/seal-cache.ts';
import { callIn } from '../contract/fixtures.ts';
import { newWorkspace } from '../repository/support/repository.ts';
import { testDatabase } from '../support/database.ts';
import { openSealing, type SealingUnderTest, SharedKeyring } from '../support/sealing.ts';

const database = testDatabase();
const keyring = new SharedKeyring();
let keys: SealingUnderTest;
let workspaceId: number;

beforeAll(async () => {
  keys = await openSealing(database(), keyring);
  workspaceId = await newWorkspace(database());
});

const input = (given: Partial<SealInput['row']> & { key?: string; text?: string } = {}): SealInput => {
  const { key = 'AAAAAAAAAAAA api_key', text = '"hush"', ...row } = given;
  return { row: { workspaceId, kind: 'memory', row: 'm1', ...row }, key, text };
};
const seal = async (one: SealInput) => (await keys.sealing.sealer.seal(one.row.workspaceId, [one]))[0] as string;
const open = async (one: SealInput, by = keys) => {
  const { sealer } = by.sealing;
  return (await sealer.open(one.row.workspaceId, [one], sealer.era))[0];
};
const refusal = (opening: Promise<unknown>) =>
  opening.then(
    () => 'opened',
    (error) => (error instanceof ServiceError ? error.reason : String(error)),
  );

describe('a sealed value', () => {
  it('opens in its place, whatever it is', async () => {
    for (const text of ['""', '"한국어 🔑"', `"${'x'.repeat(16_000)}"`]) {
      const sealed = await seal(input({ text }));
      expect(await open(input({ text: sealed }))).toBe(text);
    }
  });

  it('is another each time', async () => {
    expect(await seal(input())).not.toBe(await seal(input()));
  });

  it('opens in no other place: row, kind, name, version, workspace', async () => {
    const other = await newWorkspace(database());
    await seal(input({ workspaceId: other }));
    const text = await seal(input());
    expect(await open(input({ text }))).toBe('"hush"');
    for (const place of [
      { row: 'm2' },
      { kind: 'setting' as const },
      { key: 'AAAAAAAAAAAA password' },
      { key: 'AAAAAAAAAAAB api_key' },
      { workspaceId: other },
    ]) {
      expect(await refusal(open(input({ ...place, text })))).toBe('SEALED_VALUE_UNREADABLE');
    }
  });

  it('does not open with any bit of it changed, cut or made longer, though it was opened before', async () => {
    const sealed = await seal(input());
    expect(await open(input({ text: sealed }))).toBe('"hush"');
    const bytes = Buffer.from(sealed, 'base64');
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const damaged = Buffer.from(bytes);
      damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(await refusal(open(input({ text: damaged.toString('base64') })))).toBe('SEALED_VALUE_UNREADABLE');
    }
    for (const text of ['', 'AQ==', sealed.slice(0, -4), `${sealed}AAAA`, `${sealed} `, 'no base64!']) {
      expect(await refusal(open(input({ text })))).toBe('SEALED_VALUE_UNREADABLE');
    }
  });

  it('stays shut for a process without the key, which says so and nothing else', async () => {
    const text = await seal(input());
    const stranger = new SharedKeyring();
    const refused = await open(input({ text }), await openSealing(database(), stranger)).catch((error) => error);
    expect(refused).toMatchObject({ reason: 'SEALING_KEY_MISSING', metadata: { key_id: expect.any(String) } });
    expect(refused.message).not.toContain('hush');
    const [name] = keyring.text.match(/kek-\w+/) ?? [];
    stranger.text = formatKeyring([{ ...newKey(), id: name ?? '' }]);
    expect(await refusal(open(input({ text }), await openSealing(database(), stranger)))).toBe('SEALING_KEY_MISSING');
  });
});

describe('the data key of a workspace', () => {
  it('is made once by processes that want it at the same time', async () => {
    const fresh = await newWorkspace(database());
    const processes = await Promise.all(Array.from({ length: 4 }, () => openSealing(database(), keyring)));
    const one = input({ workspaceId: fresh });
    const sealed = await Promise.all(
      processes.map(async ({ sealing }) => (await sealing.sealer.seal(fresh, [one]))[0] as string),
    );
    for (const process of processes) {
      for (const text of sealed) expect(await open({ ...one, text }, process)).toBe('"hush"');
    }
    expect(await keys.sealing.store.keysOf(fresh)).toHaveLength(1);
  });

  it('makes digests that are the same everywhere and tell nothing across workspaces', async () => {
    const other = await newWorkspace(database());
    const another = await openSealing(database(), keyring);
    const digest = async (by: SealingUnderTest, workspace: number) =>
      (await by.sealing.sealer.digest(workspace, ['"hush"']))[0];
    expect(await digest(another, workspaceId)).toBe(await digest(keys, workspaceId));
    expect(await digest(keys, other)).not.toBe(await digest(keys, workspaceId));
  });
});

describe('the cache', () => {
  it('finds what was opened, keeps 1,024 entries at most, and is emptied', async () => {
    const process = await openSealing(database(), keyring);
    const texts = await process.sealing.sealer.seal(
      workspaceId,
      Array.from({ length: SEAL_CACHE_ENTRIES + 100 }, (_, n) => input({ key: `${n} token`, text: `"${n}"` })),
    );
    const openAll = () =>
      process.sealing.sealer.open(
        workspaceId,
        texts.map((text, n) => input({ key: `${n} token`, text })),
        process.sealing.sealer.era,
      );
    await openAll();
    expect(process.sealing.gauges.entries).toBe(SEAL_CACHE_ENTRIES);
    // So many values push the keys out; they come back once.
    await process.sealing.sealer.digest(workspaceId, ['x']);
    const { hits } = process.sealing.gauges;
    const last = texts.length - 1;
    await open(input({ key: `${last} token`, text: texts[last] as string }), process);
    expect(process.sealing.gauges.hits - hits).toBe(2);
    process.sealing.clear();
    expect(process.sealing.gauges.entries).toBe(0);
  });

  it('keeps no value that was read before values were forgotten, and opened after', async () => {
    const key = 'AAAAAAAAAAAA api_key';
    const text = await seal(input({ key }));
    const memory = { id: 'm1', changeNo: 7, metadata: { api_key: '[sealed:AAAAAAAAAAAA]' } };
    /** Values that are kept after a reveal, during whose reading of the row `meanwhile` happens. */
    const keptAfter = async (meanwhile: (process: SealingUnderTest) => void) => {
      const process = await openSealing(database(), keyring);
      const repository = {
        sealedValues: async () => {
          const read = new Map([[memory.changeNo, { [key]: text }]]);
          meanwhile(process);
          return read;
        },
      };
      const [clear] = await process.metadata(repository).revealed(callIn(workspaceId), [memory]);
      expect(clear?.metadata).toEqual({ api_key: 'hush' });
      return process.sealing.gauges.entries - 1;
    };
    expect(await keptAfter(() => {})).toBe(1);
    expect(await keptAfter(({ sealing }) => sealing.forgetValues())).toBe(0);
    expect(await keptAfter(({ sealing }) => sealing.clear())).toBe(0);
  });

  it('forgets values without their keys, which need not be read and unwrapped again', async () => {
    let reads = 0;
    const read = () => {
      reads += 1;
      return keyring.read();
    };
    const counted = { where: keyring.where, read, rewrite: undefined };
    const process = await openSealing(database(), counted);
    const text = await seal(input());
    await open(input({ text }), process);
    process.sealing.forgetValues();
    expect(process.sealing.gauges.entries).toBe(1);
    const { hits } = process.sealing.gauges;
    expect(await open(input({ text }), process)).toBe('"hush"');
    expect({ hits: process.sealing.gauges.hits - hits, reads }).toEqual({ hits: 1, reads: 1 });
  });
});
