import { generateKeyPair } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import forge from 'node-forge';

const DAY_MS = 24 * 3600 * 1000;
const generate = promisify(generateKeyPair);

/** A certificate and its key, as the text of PEM files. */
export interface Pair {
  readonly certificate: string;
  readonly key: string;
}

/** What a certificate says. */
export interface CertificateOptions {
  readonly commonName?: string;
  /** Names and addresses of the server. */
  readonly names?: readonly string[];
  /** From today, in days; negative: in the past. */
  readonly validFromDays?: number;
  readonly validToDays?: number;
  /** Of its RSA key; 2048 unless given. */
  readonly bits?: number;
}

/** An authority of a test's own. */
export class TestAuthority {
  readonly #key: string;
  /** PEM of the authority itself. */
  readonly pem: string;

  private constructor(pem: string, key: string) {
    this.pem = pem;
    this.#key = key;
  }

  static async create(commonName = 'Test Authority', options: CertificateOptions = {}): Promise<TestAuthority> {
    const keys = await newKeys();
    const certificate = draft({ ...options, commonName }, keys.publicKey);
    certificate.setIssuer(certificate.subject.attributes);
    certificate.setExtensions([
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ]);
    return new TestAuthority(sign(certificate, keys.privateKey), keys.privateKey);
  }

  async issue(options: CertificateOptions = {}): Promise<Pair> {
    const keys = await newKeys(options.bits);
    const certificate = draft(options, keys.publicKey);
    certificate.setIssuer(forge.pki.certificateFromPem(this.pem).subject.attributes);
    const altNames = (options.names ?? ['localhost', '127.0.0.1']).map((name) =>
      /^[\d.]+$/.test(name) ? { type: 7, ip: name } : { type: 2, value: name },
    );
    certificate.setExtensions([{ name: 'subjectAltName', altNames }]);
    return { certificate: sign(certificate, this.#key), key: keys.privateKey };
  }
}

/** Writes a pair into a folder; the paths of its files. */
export function writePair(directory: string, pair: Pair, name = 'server') {
  const paths = { certificate: join(directory, `${name}.crt`), key: join(directory, `${name}.key`) };
  writeFileSync(paths.key, pair.key, { mode: 0o600 });
  writeFileSync(paths.certificate, pair.certificate);
  return paths;
}

let serial = 0;

function draft(options: CertificateOptions, publicKey: string): forge.pki.Certificate {
  const certificate = forge.pki.createCertificate();
  serial += 1;
  certificate.serialNumber = serial.toString(16).padStart(4, '0');
  certificate.publicKey = forge.pki.publicKeyFromPem(publicKey);
  certificate.validity.notBefore = new Date(Date.now() + (options.validFromDays ?? -1) * DAY_MS);
  certificate.validity.notAfter = new Date(Date.now() + (options.validToDays ?? 30) * DAY_MS);
  certificate.setSubject([{ name: 'commonName', value: options.commonName ?? 'server' }]);
  return certificate;
}

function sign(certificate: forge.pki.Certificate, key: string): string {
  certificate.sign(forge.pki.privateKeyFromPem(key), forge.md.sha256.create());
  return forge.pki.certificateToPem(certificate);
}

function newKeys(modulusLength = 2048): Promise<{ publicKey: string; privateKey: string }> {
  return generate('rsa', {
    modulusLength,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
}
