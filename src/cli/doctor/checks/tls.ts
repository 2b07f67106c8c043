import { isIP } from 'node:net';
import { type ConnectionOptions, connect } from 'node:tls';
import { isLoopback } from '../../../server/config.ts';
import type { Target } from '../../../shared/discovery.ts';
import { bad, type Check, type Finding, ok, warn } from '../finding.ts';

const TIMEOUT_MS = 5_000;
const DAY_MS = 86_400_000;
/** As the server warns of its own certificate. */
const RENEW_DAYS = 14;
/** What no server should take any more; offered with the ciphers of its time. */
const OUTDATED: ConnectionOptions = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT:@SECLEVEL=0' };
const USE_TLS = 'Set MEMORYHUB_TLS_CERT and MEMORYHUB_TLS_KEY, or listen on 127.0.0.1 behind a proxy that ends TLS.';

export const tls: Check = {
  name: 'tls',
  about: 'that keys and memories do not cross the network in plain text, and how long the certificate lasts',
  async run(context) {
    const { target, config, onThisMachine } = context;
    if (target.tls !== undefined) return handshakes(target);
    const { host } = splitAddress(target.address);
    if (!isLoopback(host)) return [bad(`${target.address} is called in plain text from another host.`, USE_TLS)];
    const { listen, tls_cert } = config;
    if (onThisMachine && !isLoopback(listen.host) && tls_cert === undefined) {
      return [
        bad(`The server listens at ${listen.host}:${listen.port}, which other hosts reach, in plain text.`, USE_TLS),
      ];
    }
    return [ok(`Plain text, at ${target.address}, which only this host reaches.`)];
  },
};

/** Of a server with TLS: how it shakes hands. Needs no call, and so explains why there can be none. */
export async function handshakes({ address, tls }: Target): Promise<Finding[]> {
  const { host, port } = splitAddress(address);
  const { ca, key, certificate: cert, serverName } = tls ?? {};
  const options: ConnectionOptions = {
    host,
    port,
    servername: serverName ?? (isIP(host) === 0 ? host : ''),
    ALPNProtocols: ['h2'],
    timeout: TIMEOUT_MS,
    ...(ca && { ca }),
    ...(key && { key }),
    ...(cert && { cert }),
  };
  const seen = await handshake(options);
  if (seen instanceof Error) {
    const advice = 'See the files of MEMORYHUB_TLS_CERT and MEMORYHUB_TLS_KEY, and the time of this host.';
    return [bad(`TLS at ${address} fails: ${seen.message}.`, advice)];
  }
  const old = await handshake({ ...options, ...OUTDATED });
  const days = Math.floor((Date.parse(seen.validTo) - Date.now()) / DAY_MS);
  const said = `${seen.protocol} at ${address}; the certificate ends in ${days} days, at ${seen.validTo}.`;
  const ends = days < RENEW_DAYS ? warn(said, 'Renew it: new files are taken up while the server runs.') : ok(said);
  if (old instanceof Error) return [ends];
  const advice = 'Let the proxy that ends TLS there take TLSv1.2 and newer only; the server itself does.';
  return [ends, bad(`${address} also talks ${old.protocol}, which is broken.`, advice)];
}

interface Handshake {
  readonly protocol: string;
  readonly validTo: string;
}

function handshake(options: ConnectionOptions): Promise<Handshake | Error> {
  return new Promise((resolve) => {
    const socket = connect(options);
    const end = (result: Handshake | Error) => {
      socket.destroy();
      resolve(result);
    };
    socket.once('secureConnect', () =>
      end({ protocol: socket.getProtocol() ?? 'TLS', validTo: socket.getPeerCertificate().valid_to }),
    );
    socket.once('error', end);
    socket.once('timeout', () => end(new Error('no answer in time')));
  });
}

function splitAddress(address: string): { host: string; port: number } {
  const at = address.lastIndexOf(':');
  return { host: address.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(address.slice(at + 1)) };
}
