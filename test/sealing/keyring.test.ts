import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type DataKeyStore,
  dataKeyContext,
  type StoredDataKey,
} from '../../src/server/domain/sealing/data-key-store.ts';
import { Keyring, newKey } from '../../src/server/security/sealing/keyring.ts';
import { createKeyringFile } from '../../src/server/security/sealing/keyring-file.ts';
import { commandSource, fileSource, textSource } from '../../src/server/security/sealing/keyring-source.ts';
import { formatKeyring, parseKeyring } from '../../src/server/security/sealing/keyring-text.ts';
import { KEYRING_FILE, type KeyringSettings, prepareKeyring } from '../../src/server/security/sealing/open-keyring.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'memory-hub-keyring-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

const DATA_KEY = Buffer.alloc(32, 7);
const PLACE = { workspaceId: 3, generation: 1 };
const CONTEXT = dataKeyContext(PLACE);

describe('the text of a keyring', () => {
  it('is lines or commas, blanks or colons, with comments', () => {
    const [one, two] = [newKey(), newKey()];
    const base64 = (key: typeof one) => Buffer.from(key.bytes).toString('base64');
    const keys = [
      { id: one.id, bytes: Buffer.from(one.bytes) },
      { id: two.id, bytes: Buffer.from(two.bytes) },
    ];
    expect(parseKeyring(formatKeyring([one, two]), 'x')).toEqual(keys);
    expect(parseKeyring(`${one.id}:${base64(one)},${two.id}:${base64(two)}`, 'x')).toEqual(keys);
    expect(parseKeyring(`\n# a, b\n  ${one.id}\t${base64(one)}  \n\n${two.id} ${base64(two)}`, 'x')).toEqual(keys);
  });

  it.each([
    ['', 'has no key'],
    ['# only a comment', 'has no key'],
    ['k1 c2hvcnQ=', 'an entry 1 that is not'],
    [`k1 ${'A'.repeat(43)}=\nnonsense`, 'an entry 2 that is not'],
    [`k1 ${'A'.repeat(43)}=, k1 ${'B'.repeat(42)}A=`, 'two keys named k1'],
  ])('is refused without being repeated: %#', (text, message) => {
    expect(() => parseKeyring(text, 'the place')).toThrow(message);
    expect(() => parseKeyring(text, 'the place')).toThrow('the place');
    expect(() => parseKeyring(text, 'the place')).not.toThrow(/nonsense|c2hvcnQ|AAAA/);
  });
});

describe('a keyring', () => {
  it('wraps with its first key and unwraps with any', async () => {
    const [one, two] = [newKey(), newKey()];
    const old = await Keyring.open(textSource(formatKeyring([one])));
    const wrapped = await old.wrap(DATA_KEY, CONTEXT);
    const grown = await Keyring.open(textSource(formatKeyring([two, one])));
    expect(grown.currentKey).toBe(two.id);
    expect(Buffer.from(await grown.unwrap(wrapped, CONTEXT))).toEqual(DATA_KEY);
    await expect(old.unwrap(await grown.wrap(DATA_KEY, CONTEXT), CONTEXT)).rejects.toThrow(`has no key ${two.id}`);
  });

  it('unwraps nothing in another place, nothing damaged, and nothing with another key of the name', async () => {
    const one = newKey();
    const keyring = await Keyring.open(textSource(formatKeyring([one])));
    const { kekId, wrapped } = await keyring.wrap(DATA_KEY, CONTEXT);
    await expect(keyring.unwrap({ kekId, wrapped }, dataKeyContext({ ...PLACE, workspaceId: 4 }))).rejects.toThrow(
      'another key',
    );
    for (let at = 0; at < wrapped.length; at++) {
      const damaged = Buffer.from(wrapped);
      damaged[at] = (damaged[at] as number) ^ 1;
      await expect(keyring.unwrap({ kekId, wrapped: damaged }, CONTEXT)).rejects.toThrow('another key');
    }
    const impostor = await Keyring.open(textSource(formatKeyring([{ id: one.id, bytes: newKey().bytes }])));
    await expect(impostor.unwrap({ kekId, wrapped }, CONTEXT)).rejects.toThrow(`the key ${one.id}`);
  });

  it('reads the file again when it meets a key it does not know', async () => {
    const path = join(dir, 'k');
    await createKeyringFile(path);
    const [first, second] = [await Keyring.open(fileSource(path, true)), await Keyring.open(fileSource(path, true))];
    await first.makeKey?.();
    const wrapped = await first.wrap(DATA_KEY, CONTEXT);
    expect(Buffer.from(await second.unwrap(wrapped, CONTEXT))).toEqual(DATA_KEY);
    expect(parseKeyring(readFileSync(path, 'utf8'), path)).toHaveLength(2);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('loses no key when many are made at once: all but one are told to try again', async () => {
    const path = join(dir, 'k');
    await createKeyringFile(path);
    const rings = await Promise.all(Array.from({ length: 8 }, () => Keyring.open(fileSource(path, true))));
    const made = await Promise.allSettled(rings.map((ring) => ring.makeKey?.()));
    const done = made.filter(({ status }) => status === 'fulfilled').length;
    expect(done).toBeGreaterThan(0);
    expect(parseKeyring(readFileSync(path, 'utf8'), path)).toHaveLength(1 + done);
  });

  it('is not kept from making one by what a dead process left', async () => {
    const path = join(dir, 'k');
    await createKeyringFile(path);
    writeFileSync(`${path}.new`, 'half');
    const ring = await Keyring.open(fileSource(path, true));
    await expect(ring.makeKey?.()).rejects.toThrow('try again');
    utimesSync(`${path}.new`, new Date(0), new Date(0));
    await ring.makeKey?.();
    expect(existsSync(`${path}.new`)).toBe(false);
  });

  it('comes from a command, whose failure tells nothing of it', async () => {
    const key = newKey();
    writeFileSync(join(dir, 'k'), formatKeyring([key]));
    expect((await Keyring.open(commandSource(`cat ${join(dir, 'k')}`))).currentKey).toBe(key.id);
    const failing = Keyring.open(commandSource('echo hush-hush; echo hush-hush >&2; exit 3'));
    await expect(failing).rejects.toThrow('MEMORYHUB_SEALING_COMMAND) failed (3)');
    await expect(failing).rejects.not.toThrow('hush');
  });
});

describe('at the start', () => {
  const settings = (given: Partial<KeyringSettings> = {}): KeyringSettings => ({
    sealing_keyring: undefined,
    sealing_keys: undefined,
    sealing_command: undefined,
    data_dir: dir,
    database_url: undefined,
    ...given,
  });
  const store = (...keys: StoredDataKey[]) => ({ all: async () => keys }) as unknown as DataKeyStore;
  const storedWith = async (text: string) => {
    const ring = await Keyring.open(textSource(text));
    return { ...PLACE, ...(await ring.wrap(DATA_KEY, CONTEXT)) };
  };

  it('a keyring is made that only its owner can read, once', async () => {
    expect(await prepareKeyring(settings(), store())).toEqual([expect.stringContaining(KEYRING_FILE)]);
    const path = join(dir, KEYRING_FILE);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const text = readFileSync(path, 'utf8');
    expect(await prepareKeyring(settings(), store(await storedWith(text)))).toEqual([]);
    expect(readFileSync(path, 'utf8')).toBe(text);
  });

  it('a lost keyring is not replaced while there is something sealed', async () => {
    const stored = await storedWith(formatKeyring([newKey()]));
    await expect(prepareKeyring(settings(), store(stored))).rejects.toThrow(
      /cannot be read \(ENOENT\).*has secrets sealed/,
    );
    expect(existsSync(join(dir, KEYRING_FILE))).toBe(false);
  });

  it('another server’s keyring is refused, by the name of the key it lacks', async () => {
    const stored = await storedWith(formatKeyring([newKey()]));
    const other = settings({ sealing_keys: formatKeyring([newKey()]), database_url: 'postgres://x/y' });
    await expect(prepareKeyring(other, store(stored))).rejects.toThrow(
      new RegExp(`has no key ${stored.kekId}.*the others have`),
    );
  });

  it('a wrong key under the right name is refused', async () => {
    const stored = await storedWith(formatKeyring([newKey()]));
    const wrong = settings({ sealing_keys: formatKeyring([{ id: stored.kekId, bytes: newKey().bytes }]) });
    await expect(prepareKeyring(wrong, store(stored))).rejects.toThrow('it is another key');
  });

  it('a named file is never made, and one that others can read is told of', async () => {
    const path = join(dir, 'named');
    await expect(prepareKeyring(settings({ sealing_keyring: path }), store())).rejects.toThrow(
      'cannot be read (ENOENT)',
    );
    writeFileSync(path, formatKeyring([newKey()]));
    chmodSync(path, 0o644);
    expect(await prepareKeyring(settings({ sealing_keyring: path }), store())).toEqual([
      expect.stringContaining('chmod 600'),
    ]);
  });
});
