import { beforeEach, expect, test } from 'vitest';
import { RevokedKeysInUse } from '../../src/server/security/revoked-keys.ts';

let told: string[];
let now: number;
let keys: RevokedKeysInUse;

beforeEach(() => {
  told = [];
  now = 0;
  keys = new RevokedKeysInUse(
    (text) => told.push(text),
    () => now,
  );
});

const use = (keyId: string, target = 'revoked') =>
  keys.refused({ target, keyId, actor: `key ${keyId}`, peer: '192.0.2.7' });

test('a revoked key that is used is told of with its name, its id and from where', () => {
  use('k1');
  expect(told).toEqual(['the revoked key "key k1" is used from 192.0.2.7; its id is k1']);
});

test('one that goes on is told of every ten minutes, each key for itself', () => {
  use('k1');
  for (now = 0; now < 600_000; now += 60_000) use('k1');
  use('k2');
  expect(told).toHaveLength(2);
  now = 600_000;
  use('k1');
  expect(told).toHaveLength(3);
});

test('other refusals, and credentials of no key, are not told of', () => {
  for (const target of ['expired', 'role', 'unknown', '']) use('k1', target);
  use('');
  expect(told).toEqual([]);
});

test('a thousand keys are remembered, and those go on being told of', () => {
  for (let key = 0; key < 1_500; key++) use(`k${key}`);
  expect(told).toHaveLength(1_000);
  now = 600_000;
  use('k7');
  use('k1400');
  expect(told.slice(1_000)).toEqual([expect.stringContaining('"key k7"')]);
});
