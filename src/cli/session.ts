import type { Argv } from 'yargs';
import { findTarget } from '../shared/discovery.ts';
import { MemoryHub } from '../shared/service-client.ts';
import { explain } from './failure.ts';

/** Flags of every command that calls a server. A key is never given in the arguments: others could read it there. */
export interface ConnectionFlags {
  address: string | undefined;
  keyFile: string | undefined;
}

export function connectionFlags<T>(argv: Argv<T>) {
  return argv
    .option('address', { type: 'string', describe: 'HOST:PORT; else MEMORYHUB_ADDRESS, else the local server' })
    .option('key-file', {
      type: 'string',
      describe: 'File with an API key; else MEMORYHUB_API_KEY, else the local one',
    })
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
  const { address, credential, credentialFrom } = findTarget({ address: flags.address, keyFile: flags.keyFile, key });
  const hub = new MemoryHub({ address, ...(credential === undefined ? {} : { credential }) });
  try {
    await run(hub);
  } catch (error) {
    throw explain(error, address, credentialFrom);
  } finally {
    hub.close();
  }
}
