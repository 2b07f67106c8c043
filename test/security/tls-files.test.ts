import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readTlsFiles, TlsFilesError, type TlsMaterial, type TlsPaths } from '../../src/server/security/tls-files.ts';
import { TlsReloader } from '../../src/server/security/tls-reloader.ts';
import { type Pair, TestAuthority, writePair } from '../support/certificates.ts';

const directory = mkdtempSync(join(tmpdir(), 'tls-files-'));
let authority: TestAuthority;
let pair: Pair;
let paths: TlsPaths;

beforeAll(async () => {
  authority = await TestAuthority.create();
  pair = await authority.issue({ commonName: 'hub' });
});
beforeEach(() => {
  paths = { ...writePair(directory, pair), clientCa: undefined };
});
afterAll(() => rmSync(directory, { recursive: true }));

function file(name: string, content: string): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

describe('readTlsFiles', () => {
  it('takes a pair and says whom it is of and until when', () => {
    expect(readTlsFiles(paths)).toMatchObject({ description: expect.stringMatching(/^CN=hub, valid until 2\d{3}-/) });
    expect(readTlsFiles(paths).warning).toBeUndefined();
  });

  it('warns of a certificate that ends within 14 days', async () => {
    const soon = writePair(directory, await authority.issue({ validToDays: 13 }));
    expect(readTlsFiles({ ...soon, clientCa: undefined }).warning).toContain(paths.certificate);
  });

  it.each([
    ['expired', { validFromDays: -9, validToDays: -1 }, /MEMORYHUB_TLS_CERT is .* holds a certificate that expired at/],
    ['not valid yet', { validFromDays: 1 }, /MEMORYHUB_TLS_CERT is .* holds a certificate that is valid only from/],
  ])('refuses a certificate that is %s', async (_what, options, message) => {
    const files = writePair(directory, await authority.issue(options));
    expect(() => readTlsFiles({ ...files, clientCa: undefined })).toThrow(message);
  });

  it('refuses a key that is not the key of the certificate', async () => {
    const key = file('other.key', (await authority.issue()).key);
    expect(() => readTlsFiles({ ...paths, key })).toThrow(
      `MEMORYHUB_TLS_KEY is ${key}, which is not the key of the certificate in MEMORYHUB_TLS_CERT`,
    );
  });

  it.each([
    ['certificate', 'gone', undefined, /MEMORYHUB_TLS_CERT is .*gone, which cannot be read: ENOENT/],
    ['key', 'gone', undefined, /MEMORYHUB_TLS_KEY is .*gone, which cannot be read: ENOENT/],
    ['clientCa', 'gone', undefined, /MEMORYHUB_TLS_CLIENT_CA is .*gone, which cannot be read: ENOENT/],
    ['certificate', 'text', 'hello', /MEMORYHUB_TLS_CERT .* holds no certificate in PEM form/],
    ['certificate', 'torn', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----', /is damaged/],
    ['key', 'text', 'hello', /MEMORYHUB_TLS_KEY .* holds no private key in PEM form/],
    ['clientCa', 'text', 'hello', /MEMORYHUB_TLS_CLIENT_CA .* holds no certificate/],
  ])('refuses a %s file that is %s', (which, name, content, message) => {
    const path = content === undefined ? join(directory, name) : file(name, content);
    expect(() => readTlsFiles({ ...paths, [which]: path })).toThrow(message);
    expect(() => readTlsFiles({ ...paths, [which]: path })).toThrow(TlsFilesError);
  });

  it('refuses to believe clients of something that is no authority', () => {
    expect(() => readTlsFiles({ ...paths, clientCa: paths.certificate })).toThrow(/not an authority's: CN=hub/);
    expect(readTlsFiles({ ...paths, clientCa: file('ca', authority.pem) }).clientCa).toBeDefined();
  });
});

describe('TlsReloader', () => {
  it('tells of a new pair once both files are there, of each change once, and keeps the old one meanwhile', async () => {
    const replaced: TlsMaterial[] = [];
    const refused: string[] = [];
    const reloader = new TlsReloader(paths, {
      replaced: (material) => replaced.push(material),
      refused: (error) => refused.push(error.message),
    });
    reloader.check();
    expect([replaced, refused]).toEqual([[], []]);

    const next = await authority.issue({ commonName: 'next' });
    writeFileSync(paths.certificate, next.certificate);
    reloader.check();
    reloader.check();
    expect(refused).toEqual([expect.stringContaining('is not the key of the certificate')]);

    writeFileSync(paths.key, next.key);
    reloader.check();
    expect(replaced.map(({ description }) => description)).toEqual([expect.stringContaining('CN=next')]);

    rmSync(paths.key);
    reloader.check();
    expect(refused[1]).toContain('cannot be read: ENOENT');
    reloader.close();
  });
});
