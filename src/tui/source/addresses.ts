import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';

/** "host:port", "[ipv6]:port". */
const ADDRESS = /^(?:\[([^\]]+)\]|([^:\s]+)):(\d{1,5})$/;

export type Lookup = (host: string) => Promise<readonly { readonly address: string; readonly family: number }[]>;

const lookupAll: Lookup = (host) => lookup(host, { all: true });

/**
 * The servers that are meant: a list with commas, or one name with several addresses in DNS, as a
 * headless service has. A name of one address stays the name.
 *
 * @throws Error when the name cannot be looked up
 */
export async function serversOf(text: string, find: Lookup = lookupAll): Promise<readonly string[]> {
  const named = text.split(',').map((part) => part.trim().replace(/^https?:\/\//, ''));
  const listed = [...new Set(named.filter((part) => part !== ''))];
  return listed.length === 1 ? behind(listed[0] as string, find) : listed;
}

async function behind(address: string, find: Lookup): Promise<readonly string[]> {
  const match = ADDRESS.exec(address);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined || isIP(host) !== 0) return [address];
  const found = await find(host);
  // A host has an address of each family: two ways to one server, not two servers.
  const family = found.some((one) => one.family === 4) ? 4 : 6;
  const unique = [...new Set(found.filter((one) => one.family === family).map((one) => one.address))].sort();
  if (unique.length < 2) return [address];
  return unique.map((ip) => (family === 6 ? `[${ip}]:${match?.[3]}` : `${ip}:${match?.[3]}`));
}
