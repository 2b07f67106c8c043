import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { findTls, TLS_CLIENT_OPTIONS, type TlsChoices, type TlsOptions } from './client-tls.ts';

/** Files of the data directory by which programs on the same machine find the server. */
export const SERVER_FILE = 'server.json';
export const KEY_FILES = { admin: 'admin.key', operator: 'operator.key' } as const;
export const DEFAULT_ADDRESS = '127.0.0.1:50051';

/** Variables that clients read, the monitor and the command line among them. */
export const CLIENT_VARIABLES: readonly string[] = [
  'MEMORYHUB_ADDRESS',
  'MEMORYHUB_API_KEY',
  ...Object.values(TLS_CLIENT_OPTIONS).map(({ env }) => env),
];

/** A key that is there and cannot be used; the message says which and why, and never what it is. */
export class KeyFileError extends Error {
  override readonly name = 'KeyFileError';
}

/** What should be the address of a server is none. */
export class AddressError extends Error {
  override readonly name = 'AddressError';
}

/** How a program came to address and key. */
export interface Target {
  /** `host:port`. */
  readonly address: string;
  /** Where the address is from: an option, a variable, a file, or the default. For messages. */
  readonly addressFrom: string;
  /** API key; absent when none was found. */
  readonly credential?: string;
  /** Absent: plain text. */
  readonly tls?: TlsOptions;
  /** Where the key is from, or where it was looked for. For messages; never the key itself. */
  readonly credentialFrom: string;
}

/** What the command line said; undefined where it said nothing. */
export interface TargetOptions {
  readonly address?: string | undefined;
  readonly keyFile?: string | undefined;
  readonly tls?: TlsChoices;
  /** Which of the local server's keys: admin for memories, operator for statistics. */
  readonly key: keyof typeof KEY_FILES;
  readonly env?: NodeJS.ProcessEnv;
}

/**
 * Address and key: from the options, else MEMORYHUB_ADDRESS and MEMORYHUB_API_KEY, else from the
 * data directory of a server on this machine (MEMORYHUB_DATA_DIR, default ./.memory-hub). TLS where an
 * option or variable of it is set, the address begins with https://, or the local server serves with it.
 *
 * @throws KeyFileError when a named key file cannot be read or is empty, a local one cannot be read, or the
 *   variable holds no key
 * @throws AddressError, ClientTlsError
 */
export function findTarget({ address, keyFile, key, tls: choices = {}, env = process.env }: TargetOptions): Target {
  const directory = dataDirectory(env);
  const { secure, ...found } = findAddress(address, directory, env);
  const tls = findTls(choices, env) ?? (secure ? {} : undefined);
  return { ...found, ...(tls && { tls }), ...findCredential(keyFile, key, directory, env) };
}

/** MEMORYHUB_DATA_DIR, default ./.memory-hub, as an absolute path. */
export function dataDirectory(env: NodeJS.ProcessEnv = process.env): string {
  return resolve(env.MEMORYHUB_DATA_DIR || '.memory-hub');
}

function findAddress(address: string | undefined, directory: string, env: NodeJS.ProcessEnv) {
  if (address !== undefined) return readAddress(address, '--address');
  const fromEnv = env.MEMORYHUB_ADDRESS;
  if (fromEnv) return readAddress(fromEnv, 'MEMORYHUB_ADDRESS');
  const file = join(directory, SERVER_FILE);
  const fromFile = serverIn(file);
  if (fromFile !== undefined) return { ...fromFile, addressFrom: file };
  return { address: DEFAULT_ADDRESS, secure: false, addressFrom: 'the default address' };
}

/** `host:port`, several between commas, or `https://host:port` (443 unless given) for TLS. */
function readAddress(text: string, addressFrom: string): { address: string; secure: boolean; addressFrom: string } {
  const [, scheme, rest = text.trim()] = /^(https?):\/\/(.+?)\/?$/.exec(text.trim()) ?? [];
  const secure = scheme === 'https';
  const address = scheme === undefined || /:\d+$/.test(rest) ? rest : `${rest}:${secure ? 443 : 80}`;
  const named = address.split(',').flatMap((one) => one.trim() || []);
  if (named.length === 0 || !named.every(isAddress))
    throw new AddressError(
      `${addressFrom} is ${JSON.stringify(text)}: it must be HOST:PORT, or https://HOST:PORT for TLS.`,
    );
  return { address, secure, addressFrom };
}

/** Also names in the other ways gRPC has, such as unix:///run/hub.sock and dns:///hub:50051. */
function isAddress(text: string): boolean {
  if (/^(dns|ipv4|ipv6|unix|unix-abstract):./.test(text)) return true;
  const port = /^(?:https?:\/\/)?(?:\[[\da-f:.]+\]|[^\s:/[\]]+):(\d{1,5})\/?$/i.exec(text)?.[1];
  return port !== undefined && Number(port) <= 65_535;
}

/** What a running server wrote down; undefined when there is no such file or it is half-written. */
function serverIn(file: string): { address: string; secure: boolean } | undefined {
  try {
    const parsed: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (typeof parsed === 'object' && parsed !== null && 'address' in parsed && typeof parsed.address === 'string') {
      return { address: parsed.address, secure: 'tls' in parsed && parsed.tls === true };
    }
  } catch {
    // No server has run here, or one is starting; the default address is as good a guess as any.
  }
  return undefined;
}

function findCredential(
  keyFile: string | undefined,
  key: keyof typeof KEY_FILES,
  directory: string,
  env: NodeJS.ProcessEnv,
) {
  if (keyFile !== undefined) return { credential: readKeyFile(keyFile), credentialFrom: keyFile };
  const fromEnv = env.MEMORYHUB_API_KEY;
  if (fromEnv?.trim()) return { credential: oneWord(fromEnv), credentialFrom: 'MEMORYHUB_API_KEY' };
  const file = join(directory, KEY_FILES[key]);
  try {
    return { credential: readKeyFile(file), credentialFrom: file };
  } catch (error) {
    if (causedBy(error, 'ENOENT')) return { credentialFrom: file };
    throw error;
  }
}

/** Like everything here it does not repeat what it refuses: that may be a key with something around it. */
function oneWord(text: string): string {
  const word = text.trim();
  if (/^[\x21-\x7e]+$/.test(word)) return word;
  throw new KeyFileError(
    'MEMORYHUB_API_KEY holds no API key: there are blanks, line ends or other characters within it',
  );
}

/** @throws KeyFileError naming the file and what is wrong with it */
export function readKeyFile(path: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8').trim();
  } catch (error) {
    const why = causedBy(error, 'ENOENT')
      ? 'there is no such file'
      : causedBy(error, 'EACCES')
        ? 'it is not readable for this user'
        : (error as Error).message;
    throw new KeyFileError(`cannot read the key file ${path}: ${why}`, { cause: error });
  }
  // A key in a header has neither blanks nor line ends; a file with more is another kind of file.
  if (!/^mh_[\w-]+$/.test(text)) throw new KeyFileError(`the key file ${path} holds no API key (mh_...)`);
  return text;
}

function causedBy(error: unknown, code: string): boolean {
  if (!(error instanceof Error)) return false;
  return ('code' in error && error.code === code) || causedBy(error.cause, code);
}
