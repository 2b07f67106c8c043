import { randomBytes } from 'node:crypto';
import { bench, do_not_optimize, run, summary } from 'mitata';
import { conceal } from '../../src/server/domain/sealing/placeholders.ts';
import type { DataKeys, WorkspaceKeys } from '../../src/server/security/sealing/data-keys.ts';
import { SealCache } from '../../src/server/security/sealing/seal-cache.ts';
import { ValueSealer } from '../../src/server/security/sealing/value-sealer.ts';
import { SensitiveNames } from '../../src/shared/sensitive-names.ts';

/**
 * What sealing costs: a value sealed, one opened, one found in the cache, and the one check that
 * memories without secrets pay. The goal for seal and open is 100 us each.
 */
const keys: WorkspaceKeys = { byGeneration: new Map([[1, randomBytes(32)]]), newest: 1, digestKey: randomBytes(32) };
const noKeys = undefined as unknown as DataKeys;
const untimed = { seal: () => {}, open: () => {} };
const row = { workspaceId: 1, kind: 'memory', row: '018f0000-0000-7000-8000-000000000000' } as const;
const key = 'AAAAAAAAAAAA api_key';
const names = new SensitiveNames();

for (const bytes of [40, 1024, 16 * 1024]) {
  const text = JSON.stringify('x'.repeat(bytes));
  const sealer = new ValueSealer(noKeys, new SealCache(), untimed);
  const sealed = sealer.sealWith(keys, { row, key, text });
  const cold = new SealCache();
  const opener = new ValueSealer(noKeys, cold, untimed);
  summary(() => {
    bench(`seal ${bytes} bytes`, () => do_not_optimize(sealer.sealWith(keys, { row, key, text })));
    bench(`open ${bytes} bytes`, () => {
      cold.clear();
      do_not_optimize(opener.openWith(keys, { row, key, text: sealed }, opener.era));
    });
    bench(`open ${bytes} bytes, in the cache`, () =>
      do_not_optimize(sealer.openWith(keys, { row, key, text: sealed }, sealer.era)),
    );
  });
}

const plain = { ticket: 'MH-17', priority: 3, labels: ['a', 'b'], source: { kind: 'chat', turn: 12 } };
const secret = { ...plain, api_key: 'sk-0123456789abcdefghij' };
bench('look for secrets where there are none', () => do_not_optimize(names.within(plain)));
bench('put the placeholder of one', () => do_not_optimize(conceal(names, secret)));

await run();
