import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Settings } from '../settings.ts';

const DAY_MS = 24 * 3600 * 1000;
/** From then on a certificate that ends soon is warned of. */
const ENDS_SOON_DAYS = 14;
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/** Paths of PEM files. */
export interface TlsPaths {
  /** The server's certificate, followed by those between it and its authority. */
  readonly certificate: string;
  readonly key: string;
  /** Authorities of the clients' certificates; undefined: clients need none. */
  readonly clientCa: string | undefined;
}

/** The files TLS is to be served with; undefined: it is not. */
export function tlsPaths(config: Pick<Settings, 'tls_cert' | 'tls_key' | 'tls_client_ca'>): TlsPaths | undefined {
  const { tls_cert: certificate, tls_key: key, tls_client_ca: clientCa } = config;
  return certificate === undefined || key === undefined ? undefined : { certificate, key, clientCa };
}

/** A pair that was checked and can be served with. */
export interface TlsMaterial {
  readonly certificate: Buffer;
  readonly key: Buffer;
  readonly clientCa: Buffer | undefined;
  /** For the log: whom the certificate is of and until when. */
  readonly description: string;
  /** A sentence when it ends within 14 days. */
  readonly warning: string | undefined;
}

/** TLS cannot be served with these files; the message names the setting, the file and why. */
export class TlsFilesError extends Error {
  override readonly name = 'TlsFilesError';
}

/**
 * Reads and checks the files: that they can be read, are what they should be, belong together, and are
 * valid now by this machine's clock.
 *
 * @throws TlsFilesError
 */
export function readTlsFiles(paths: TlsPaths, now = Date.now()): TlsMaterial {
  const certificateFile = read('MEMORYHUB_TLS_CERT', paths.certificate);
  const keyFile = read('MEMORYHUB_TLS_KEY', paths.key);
  const [leaf] = certificatesOf(certificateFile);
  if (leaf === undefined) throw refuse(certificateFile, 'holds no certificate in PEM form');
  checkValidity(certificateFile, leaf, now);
  if (!leaf.checkPrivateKey(privateKeyOf(keyFile))) {
    throw refuse(keyFile, `is not the key of the certificate in MEMORYHUB_TLS_CERT (${paths.certificate})`);
  }
  const clientCa = paths.clientCa === undefined ? undefined : readAuthorities(paths.clientCa, now);
  const days = Math.floor((leaf.validToDate.getTime() - now) / DAY_MS);
  const until = leaf.validToDate.toISOString();
  return {
    certificate: certificateFile.content,
    key: keyFile.content,
    clientCa,
    description: `${leaf.subject.replaceAll('\n', ', ') || leaf.subjectAltName}, valid until ${until}`,
    warning: days < ENDS_SOON_DAYS ? `the TLS certificate in ${paths.certificate} ends at ${until}` : undefined,
  };
}

interface PemFile {
  readonly setting: string;
  readonly path: string;
  readonly content: Buffer;
}

function read(setting: string, path: string): PemFile {
  try {
    return { setting, path, content: readFileSync(path) };
  } catch (error) {
    throw new TlsFilesError(`${setting} is ${path}, which cannot be read: ${(error as NodeJS.ErrnoException).code}`);
  }
}

function readAuthorities(path: string, now: number): Buffer {
  const file = read('MEMORYHUB_TLS_CLIENT_CA', path);
  const authorities = certificatesOf(file);
  if (authorities.length === 0) throw refuse(file, 'holds no certificate in PEM form');
  for (const authority of authorities) {
    if (!authority.ca) throw refuse(file, `holds a certificate that is not an authority's: ${authority.subject}`);
    checkValidity(file, authority, now);
  }
  return file.content;
}

function certificatesOf(file: PemFile): X509Certificate[] {
  try {
    return (file.content.toString('latin1').match(CERTIFICATE) ?? []).map((pem) => new X509Certificate(pem));
  } catch {
    throw refuse(file, 'holds a certificate that is damaged');
  }
}

function privateKeyOf(file: PemFile): KeyObject {
  try {
    return createPrivateKey(file.content);
  } catch (error) {
    const needsPassphrase = (error as NodeJS.ErrnoException).code === 'ERR_MISSING_PASSPHRASE';
    throw refuse(file, needsPassphrase ? 'holds a key with a passphrase' : 'holds no private key in PEM form');
  }
}

function checkValidity(file: PemFile, certificate: X509Certificate, now: number): void {
  if (certificate.validToDate.getTime() <= now) {
    throw refuse(file, `holds a certificate that expired at ${certificate.validToDate.toISOString()}`);
  }
  if (certificate.validFromDate.getTime() > now) {
    throw refuse(file, `holds a certificate that is valid only from ${certificate.validFromDate.toISOString()}`);
  }
}

function refuse({ setting, path }: PemFile, why: string): TlsFilesError {
  return new TlsFilesError(`${setting} is ${path}, which ${why}`);
}
