import { expect, it } from 'vitest';
import type { CountedRefusal } from '../../src/server/domain/audit.ts';
import { type Refusal, RefusedAccess } from '../../src/server/security/refused-access.ts';

const REFUSAL: Refusal = {
  reason: 'CREDENTIAL_INVALID',
  action: 'GetMemory',
  target: 'unknown',
  keyId: '',
  actor: '',
  workspaceId: 0,
  peer: '10.0.0.1',
  callId: 'first',
};

function trail() {
  const world = { now: 0, away: false, errors: 0 };
  const written: CountedRefusal[][] = [];
  const countRefusals = async (refusals: readonly CountedRefusal[]) => {
    if (world.away) throw new Error('away');
    written.push([...refusals]);
  };
  const count = () => {
    world.errors += 1;
  };
  const refused = new RefusedAccess({ countRefusals }, count, () => world.now);
  return { world, written, refused };
}

it('a thousand refusals of one caller are one row, and nothing is written by the call', async () => {
  const { world, written, refused } = trail();
  for (let call = 0; call < 1000; call++) {
    world.now += 1;
    refused.refused({ ...REFUSAL, callId: `${call}` });
  }
  expect(written).toEqual([]);
  await refused.flush();
  expect(written).toEqual([[{ ...REFUSAL, callId: '0', count: 1000, firstAgoMs: 999, lastAgoMs: 0 }]]);
  await refused.flush();
  expect(written).toHaveLength(1);
});

it('from ever new addresses there are no more than a few hundred rows an hour, and none is left out of the count', async () => {
  const { world, written, refused } = trail();
  const rows = () => new Set(written.flat().map(({ peer, target }) => `${peer} ${target}`)).size;
  for (let call = 0; call < 100_000; call++) {
    refused.refused({ ...REFUSAL, peer: `2001:db8::${call.toString(16)}` });
    if (call % 10_000 === 0) await refused.flush();
  }
  await refused.stop();
  expect(rows()).toBe(257);
  expect(written.flat().reduce((sum, { count }) => sum + count, 0)).toBe(100_000);
  // A caller that is known is not driven out by those that are not.
  refused.refused({ ...REFUSAL, reason: 'ROLE_DENIED', keyId: 'k', actor: 'wanda' });
  await refused.flush();
  expect(written.at(-1)).toMatchObject([{ actor: 'wanda', peer: '10.0.0.1' }]);
  world.now = 3_600_000;
  refused.refused({ ...REFUSAL, peer: 'new in the next hour' });
  await refused.flush();
  expect(written.at(-1)).toMatchObject([{ peer: 'new in the next hour' }]);
});

it('what cannot be written is counted on, and written later with its first time', async () => {
  const { world, written, refused } = trail();
  refused.refused(REFUSAL);
  world.away = true;
  world.now = 10;
  await refused.flush();
  refused.refused({ ...REFUSAL, callId: 'second' });
  await refused.flush();
  expect(world.errors).toBe(2);
  world.away = false;
  world.now = 30;
  await refused.stop();
  expect(written).toEqual([[{ ...REFUSAL, count: 2, firstAgoMs: 30, lastAgoMs: 20 }]]);
});
