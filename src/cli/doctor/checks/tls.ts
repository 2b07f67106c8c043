import { connect, type PeerCertificate } from 'node:tls';
import { isLoopback } from '../../../server/config.ts';
import type { DoctorContext } from '../context.ts';
import { bad, type Check, type Finding, ok, warn } from '../finding.ts';

const TIMEOUT_MS = 5_000;
const DAY_MS = 86_400_000;
/** As the server warns of its own certificate. */
const RENEW_DAYS = 14;
const USE_TLS = 'Set MEMORYHUB_TLS_CERT and MEMORYHUB_TLS_KEY, or listen on 127.0.0.1 behind a proxy that ends TLS.';

export const tls: Check = {
  name: 'tls',
  about: 'that keys and memories do not cross the network in plain text, and how long the certificate lasts',
  async run(context) {
    const { target, config, onThisMachine } = context;
    if (target.tls !== undefined) return [await certificate(context)];
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

async function certificate({ target }: DoctorContext): Promise<Finding> {
  const { host, port } = splitAddress(target.address);
  const { ca, key, certificate: cert, serverName } = target.tls ?? {};
  const advice = 'See the files of MEMORYHUB_TLS_CERT and MEMORYHUB_TLS_KEY, and the time of this host.';
  const seen = await new Promise<{ peer: PeerCertificate; protocol: string | null } | Error>((resolve) => {
    const socket = connect({
      host,
      port,
      servername: serverName ?? host,
      ALPNProtocols: ['h2'],
      timeout: TIMEOUT_MS,
      ...(ca && { ca }),
      ...(key && { key }),
      ...(cert && { cert }),
    });
    const end = (result: { peer: PeerCertificate; protocol: string | null } | Error) => {
      socket.destroy();
      resolve(result);
    };
    socket.once('secureConnect', () => end({ peer: socket.getPeerCertificate(), protocol: socket.getProtocol() }));
    socket.once('error', end);
    socket.once('timeout', () => end(new Error('no answer in time')));
  });
  if (seen instanceof Error) return bad(`TLS at ${target.address} fails: ${seen.message}.`, advice);
  const days = Math.floor((Date.parse(seen.peer.valid_to) - Date.now()) / DAY_MS);
  const said = `${seen.protocol} at ${target.address}; the certificate ends in ${days} days, at ${seen.peer.valid_to}.`;
  return days < RENEW_DAYS ? warn(said, 'Renew it: new files are taken up while the server runs.') : ok(said);
}

function splitAddress(address: string): { host: string; port: number } {
  const at = address.lastIndexOf(':');
  return { host: address.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(address.slice(at + 1)) };
}
