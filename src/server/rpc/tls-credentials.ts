import type { SecureContextOptions } from 'node:tls';
import { ServerCredentials } from '@grpc/grpc-js';

/** TLS 1.3's suites, and of TLS 1.2 those with forward secrecy that HTTP/2 (RFC 9113, 9.2.2) allows. */
const CIPHERS = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':');

/** A caller that has not finished its handshake by then is cut off. */
const HANDSHAKE_TIMEOUT_MS = 10_000;

/** What TLS is served with, in PEM. */
export interface TlsIdentity {
  readonly certificate: Buffer;
  readonly key: Buffer;
  /** Authorities of the certificates that clients must show; undefined: they need none. */
  readonly clientCa: Buffer | undefined;
}

/** TLS from version 1.2 on, whose certificate can be replaced while connections are open. */
export class TlsCredentials extends ServerCredentials {
  constructor(identity: TlsIdentity) {
    const asksClients = identity.clientCa !== undefined;
    super(
      { requestCert: asksClients, rejectUnauthorized: asksClients, handshakeTimeout: HANDSHAKE_TIMEOUT_MS },
      contextOf(identity),
    );
  }

  /** New connections are made with this one; open ones go on with that they were made with. */
  replace(identity: TlsIdentity): void {
    this.updateSecureContextOptions(contextOf(identity));
  }

  override _equals(other: ServerCredentials): boolean {
    return other === this;
  }
}

function contextOf({ certificate, key, clientCa }: TlsIdentity): SecureContextOptions {
  return {
    cert: certificate,
    key,
    ciphers: CIPHERS,
    honorCipherOrder: true,
    minVersion: 'TLSv1.2',
    ...(clientCa !== undefined && { ca: clientCa }),
  };
}
