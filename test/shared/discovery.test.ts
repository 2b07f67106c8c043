import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { findTarget, KeyFileError } from '../../src/shared/discovery.ts';

const folder = mkdtempSync(join(tmpdir(), 'discovery-'));
afterAll(() => rmSync(folder, { recursive: true }));

writeFileSync(join(folder, 'operator.key'), 'mh_op_secret1\n');
writeFileSync(join(folder, 'admin.key'), 'mh_ad_secret2\n');
writeFileSync(join(folder, 'server.json'), JSON.stringify({ pid: 1, address: '127.0.0.1:4711' }));
const env = { MEMORYHUB_DATA_DIR: folder };

test('address and key come from the data directory of the local server', () => {
  expect(findTarget({ key: 'operator', env })).toMatchObject({
    address: '127.0.0.1:4711',
    credential: 'mh_op_secret1',
  });
  expect(findTarget({ key: 'admin', env })).toMatchObject({ credential: 'mh_ad_secret2' });
});

test('the environment wins over the data directory, options win over both', () => {
  const both = { ...env, MEMORYHUB_ADDRESS: 'hub:1', MEMORYHUB_API_KEY: 'mh_env_secret3' };
  expect(findTarget({ key: 'operator', env: both })).toMatchObject({ address: 'hub:1', credential: 'mh_env_secret3' });
  const keyFile = join(folder, 'admin.key');
  expect(findTarget({ key: 'operator', env: both, address: 'hub:2', keyFile })).toMatchObject({
    address: 'hub:2',
    credential: 'mh_ad_secret2',
  });
});

test('without a local server there is the default address and no key', () => {
  const target = findTarget({ key: 'operator', env: { MEMORYHUB_DATA_DIR: join(folder, 'none') } });
  expect(target).toEqual({
    address: '127.0.0.1:50051',
    addressFrom: 'the default address',
    credentialFrom: join(folder, 'none', 'operator.key'),
  });
});

test('a half-written server.json is no server', () => {
  const other = join(folder, 'half');
  mkdirSync(other);
  writeFileSync(join(other, 'server.json'), '{"pid": 1, "addr');
  expect(findTarget({ key: 'operator', env: { MEMORYHUB_DATA_DIR: other } }).address).toBe('127.0.0.1:50051');
});

test('a key file that cannot be used is named, and what it holds is not', () => {
  expect(() => findTarget({ key: 'operator', env, keyFile: join(folder, 'gone') })).toThrow(
    new KeyFileError(`cannot read the key file ${join(folder, 'gone')}: there is no such file`),
  );
  expect(() => findTarget({ key: 'operator', env, keyFile: folder })).toThrow(KeyFileError);
  const wrong = join(folder, 'wrong');
  writeFileSync(wrong, 'password: hunter2\n');
  expect(() => findTarget({ key: 'operator', env, keyFile: wrong })).toThrow(
    `the key file ${wrong} holds no API key (mh_...)`,
  );
});

test('an address is HOST:PORT, several of them, a URL, or a name as gRPC has them', () => {
  const of = (address: string) => findTarget({ key: 'admin', env, address });
  expect(of('https://hub.example.com')).toMatchObject({ address: 'hub.example.com:443', tls: {} });
  expect(of(' hub-1:50051, [::1]:50051,').address).toBe('hub-1:50051, [::1]:50051,');
  expect(of('dns:///hub:50051').address).toBe('dns:///hub:50051');
  for (const wrong of ['', ',', 'hub', 'hub:', 'hub:65536', '::1:50051', 'ftp://hub:21', 'hub:1/x', 'a b:1'])
    expect(() => of(wrong), wrong).toThrow(/^--address is ".*": it must be HOST:PORT/);
});
