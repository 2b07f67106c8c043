import type { Argv } from 'yargs';
import { TLS_CLIENT_OPTIONS } from '../shared/client-tls.ts';
import { findTarget } from '../shared/discovery.ts';
import { MemoryHub } from '../shared/service-client.ts';
import { explain } from './failure.ts';

/** Flags of every command that calls a server. A key is never given in the arguments: others could read it there. */
export interface ConnectionFlags {
  address: string | undefined;
  keyFile: string | undefined;
  tlsCa: string | undefined;
  tlsCert: string | undefined;
  tlsKey: string | undefined;
  tlsServerName: string | undefined;
}

const tlsFlag = ({ env, description }: (typeof TLS_CLIENT_OPTIONS)[keyof typeof TLS_CLIENT_OPTIONS]) =>
  ({ type: 'string', describe: `${description} (${env})`, group: 'TLS:' }) as const;

const TLS_FLAGS = {
  'tls-ca': tlsFlag(TLS_CLIENT_OPTIONS.ca),
  'tls-cert': tlsFlag(TLS_CLIENT_OPTIONS.certificate),
  'tls-key': tlsFlag(TLS_CLIENT_OPTIONS.key),
  'tls-server-name': tlsFlag(TLS_CLIENT_OPTIONS.serverName),
} as const;

export function connectionFlags<T>(argv: Argv<T>) {
  return argv
    .option('address', {
      type: 'string',
      requiresArg: true,
      describe: 'HOST:PORT, or https://HOST:PORT for TLS; else MEMORYHUB_ADDRESS, else the local server',
    })
    .option('key-file', {
      type: 'string',
      requiresArg: true,
      describe: 'File with an API key; else MEMORYHUB_API_KEY, else the local one',
    })
    .options(TLS_FLAGS)
    .option('json', { type: 'boolean', default: false, describe: 'One JSON object a line, for scripts' });
}

/**
 * Connects as the flags say, runs the command, and closes.
 *
 * @param key which of the local server's keys to take when the flags name none
 * @throws CommandFailure with the address and the key's origin where they help
 */
export async function withHub(
  flags: ConnectionFlags,
  key: 'admin' | 'operator',
  run: (hub: MemoryHub) => Promise<void>,
): Promise<void> {
  const target = findTarget({
    address: flags.address,
    keyFile: flags.keyFile,
    tls: { ca: flags.tlsCa, certificate: flags.tlsCert, key: flags.tlsKey, serverName: flags.tlsServerName },
    key,
  });
  const { address, credential, tls } = target;
  const hub = new MemoryHub({ address, ...(credential && { credential }), ...(tls && { tls }) });
  try {
    await run(hub);
  } catch (error) {
    throw explain(error, target);
  } finally {
    hub.close();
  }
}
