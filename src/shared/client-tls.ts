import { readFileSync } from 'node:fs';

/** TLS of a client; an empty object trusts the system's authorities. */
export interface TlsOptions {
  /** PEM of the authority that signed the server's certificate. */
  readonly ca?: Buffer;
  /** PEM of the client's own key and certificate, for servers that ask for one. */
  readonly key?: Buffer;
  readonly certificate?: Buffer;
  /** The name the server's certificate must be for, where that is not the host of the address. */
  readonly serverName?: string;
}

/** How a program is told of TLS, each in two ways: the option wins over the variable. */
export const TLS_CLIENT_OPTIONS = {
  ca: {
    option: 'tls-ca',
    env: 'MEMORYHUB_CLIENT_TLS_CA',
    value: 'FILE',
    description: "PEM file of the authority of the server's certificate; else the system's",
  },
  certificate: {
    option: 'tls-cert',
    env: 'MEMORYHUB_CLIENT_TLS_CERT',
    value: 'FILE',
    description: 'PEM file of a certificate to show, where the server asks for one',
  },
  key: {
    option: 'tls-key',
    env: 'MEMORYHUB_CLIENT_TLS_KEY',
    value: 'FILE',
    description: 'PEM file of its key',
  },
  serverName: {
    option: 'tls-server-name',
    env: 'MEMORYHUB_CLIENT_TLS_SERVER_NAME',
    value: 'NAME',
    description: "name the server's certificate is for, where that is not the host of the address",
  },
} as const;

export type TlsClientOption = keyof typeof TLS_CLIENT_OPTIONS;
/** What the command line said: paths, and a name. */
export type TlsChoices = { readonly [Name in TlsClientOption]?: string | undefined };

/** A TLS file of a client that is there and cannot be used, or half of a pair; says which and why. */
export class ClientTlsError extends Error {
  override readonly name = 'ClientTlsError';
}

/**
 * TLS as options or variables ask for it; undefined: none of them is set.
 *
 * @throws ClientTlsError
 */
export function findTls(choices: TlsChoices, env: NodeJS.ProcessEnv): TlsOptions | undefined {
  const given = (name: TlsClientOption) => choices[name] ?? (env[TLS_CLIENT_OPTIONS[name].env] || undefined);
  const { ca, certificate, key } = { ca: given('ca'), certificate: given('certificate'), key: given('key') };
  const serverName = given('serverName');
  if (!ca && !certificate && !key && !serverName) return undefined;
  if ((certificate === undefined) !== (key === undefined)) {
    const [has, lacks] = certificate ? (['certificate', 'key'] as const) : (['key', 'certificate'] as const);
    throw new ClientTlsError(
      `--${TLS_CLIENT_OPTIONS[has].option} is given and --${TLS_CLIENT_OPTIONS[lacks].option} is not: both must be`,
    );
  }
  return {
    ...(ca && { ca: readPem('ca', ca) }),
    ...(certificate && key && { certificate: readPem('certificate', certificate), key: readPem('key', key) }),
    ...(serverName && { serverName }),
  };
}

function readPem(name: TlsClientOption, path: string): Buffer {
  let content: Buffer;
  try {
    content = readFileSync(path);
  } catch (error) {
    throw new ClientTlsError(
      `--${TLS_CLIENT_OPTIONS[name].option} is ${path}, which cannot be read: ${(error as NodeJS.ErrnoException).code}`,
    );
  }
  const wanted = name === 'key' ? /-----BEGIN [A-Z ]*PRIVATE KEY-----/ : /-----BEGIN CERTIFICATE-----/;
  if (wanted.test(content.toString('latin1'))) return content;
  const what = name === 'key' ? 'private key' : 'certificate';
  throw new ClientTlsError(`--${TLS_CLIENT_OPTIONS[name].option} is ${path}, which holds no ${what} in PEM form`);
}
