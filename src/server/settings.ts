import { resolve } from 'node:path';
import * as z from 'zod';
import { Role } from './domain/principal.ts';

/** One setting: everything there is to know about it, once. The README's table is tested against this. */
interface Setting<T> {
  /** Name of the environment variable. */
  readonly env: string;
  /** As the README shows it; the schema holds the real one. */
  readonly default: string;
  readonly description: string;
  /** What is allowed, as a phrase that completes "it must be ...". */
  readonly allowed: string;
  /** The value's text is never shown. */
  readonly secret?: true;
  /** From the text of the variable, or the scalar in the file, to the value. */
  readonly schema: z.ZodType<T>;
}

const setting = <T>(declaration: Setting<T>): Setting<T> => declaration;
const text = z.union([z.string(), z.number().transform(String)]).pipe(z.string().trim().min(1));
const optional = text.optional();
/** Where there may be several: a list in the file is what commas are in a variable. */
const several = z.union([z.array(z.string()).transform((parts) => parts.join(',')), text]);

function wholeNumber(min: number, max: number) {
  return z
    .union([
      z.number(),
      z
        .string()
        .trim()
        .regex(/^-?\d{1,15}$/)
        .transform(Number),
    ])
    .pipe(z.number().int().min(min).max(max));
}

const path = optional.transform((value) => (value === undefined ? undefined : resolve(value)));

const flag = z.union([
  z.boolean(),
  z.literal([0, 1]).transform((digit) => digit === 1),
  z.stringbool({ truthy: ['1', 'true', 'yes'], falsy: ['0', 'false', 'no', ''] }),
]);

function url(...protocols: string[]) {
  return text.refine((value) => protocols.includes(URL.parse(value)?.protocol ?? '')).optional();
}

/** What comes from there cannot be changed on its way: it is over TLS, or from this very host. */
const safeUrl = text.refine((value) => {
  const parsed = URL.parse(value);
  const isLocal = /^(127(\.\d+){3}|\[::1\]|localhost)$/.test(parsed?.hostname ?? '');
  return parsed?.protocol === 'https:' || (parsed?.protocol === 'http:' && isLocal);
});

/** "value=name, value=name". */
const pairs = several.transform((value, context) =>
  value.split(',').map((pair): readonly [string, string] => {
    const at = pair.lastIndexOf('=');
    if (at < 1) context.addIssue('not a pair');
    return [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
  }),
);

function roleOf(name: string, context: { addIssue(message: string): void }): Role {
  const role = Object.entries(Role).find(([each]) => each.toLowerCase() === name)?.[1];
  if (role === undefined) context.addIssue('not a role');
  return role ?? Role.READER;
}

/** "host:port", "[ipv6]:port". */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

const listenAddress = text.transform((value, context): ListenAddress => {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(value);
  const port = Number(match?.[3]);
  if (!match || port > 65_535) {
    context.addIssue('not an address');
    return z.NEVER;
  }
  return { host: match[1] ?? match[2] ?? '', port };
});

const HOST_NAME = /^(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*$|^\[?[0-9a-f:.]+\]?$/;

const hostNames = z
  .union([z.array(z.string()), z.string().transform((value) => value.split(','))])
  .transform((names) => names.map((name) => name.trim().toLowerCase()).filter((name) => name !== ''))
  .refine((names) => names.every((name) => HOST_NAME.test(name)))
  .optional()
  .transform((names) => (names === undefined || names.length === 0 ? undefined : names));

/** Every setting of the server. The key is its name in the configuration file. */
export const SETTINGS = {
  listen: setting({
    env: 'MEMORYHUB_LISTEN',
    default: '127.0.0.1:50051',
    description: 'Address and port of the gRPC server; port 0 picks a free one and prints it.',
    allowed: 'HOST:PORT with a port from 0 to 65535',
    schema: listenAddress.default({ host: '127.0.0.1', port: 50_051 }),
  }),
  data_dir: setting({
    env: 'MEMORYHUB_DATA_DIR',
    default: './.memory-hub',
    description: 'Folder of the embedded PostgreSQL, the first keys and the record of the running server.',
    allowed: 'a path',
    schema: text.default('./.memory-hub').transform((path) => resolve(path)),
  }),
  database_url: setting({
    env: 'DATABASE_URL',
    default: 'unset: an embedded PostgreSQL',
    description: 'PostgreSQL 14 or newer to keep everything in.',
    allowed: 'a postgres:// or postgresql:// address',
    secret: true,
    schema: url('postgres:', 'postgresql:'),
  }),
  database_read_url: setting({
    env: 'DATABASE_READ_URL',
    default: 'unset: the primary',
    description: 'A read replica, which serves EVENTUAL reads, as old as it is behind.',
    allowed: 'a postgres:// or postgresql:// address',
    secret: true,
    schema: url('postgres:', 'postgresql:'),
  }),
  redis_url: setting({
    env: 'REDIS_URL',
    default: 'unset: no Redis',
    description: 'Redis that servers on one database share as their cache.',
    allowed: 'a redis:// or rediss:// address',
    secret: true,
    schema: url('redis:', 'rediss:'),
  }),
  workers: setting({
    env: 'MEMORYHUB_WORKERS',
    default: '1',
    description: 'Processes that serve calls.',
    allowed: 'a whole number from 1 to 64',
    schema: wholeNumber(1, 64).default(1),
  }),
  pool_size: setting({
    env: 'MEMORYHUB_POOL_SIZE',
    default: '20 connections',
    description: 'Database connections of the server, divided over its workers.',
    allowed: 'a whole number from 2 to 1000',
    schema: wholeNumber(2, 1000).default(20),
  }),
  pool_overflow: setting({
    env: 'MEMORYHUB_POOL_OVERFLOW',
    default: '40 connections',
    description: 'Further connections under load.',
    allowed: 'a whole number from 0 to 1000',
    schema: wholeNumber(0, 1000).default(40),
  }),
  pool_recycle_seconds: setting({
    env: 'MEMORYHUB_POOL_RECYCLE_SECONDS',
    default: '3600 s',
    description: 'Age at which a database connection is replaced.',
    allowed: 'a whole number from 10 to 86400',
    schema: wholeNumber(10, 86_400).default(3600),
  }),
  cache_bytes: setting({
    env: 'MEMORYHUB_CACHE_BYTES',
    default: '33554432 bytes',
    description: 'Memory of each process for cached records; 0 switches that cache off.',
    allowed: 'a whole number from 0 to 17179869184',
    schema: wholeNumber(0, 16 * 1024 ** 3).default(32 * 1024 * 1024),
  }),
  retain_deleted_days: setting({
    env: 'MEMORYHUB_RETAIN_DELETED_DAYS',
    default: '30 days',
    description: 'How long deleted and expired memories can be restored before they are purged.',
    allowed: 'a whole number from 1 to 36500',
    schema: wholeNumber(1, 36_500).default(30),
  }),
  retain_requests_hours: setting({
    env: 'MEMORYHUB_RETAIN_REQUESTS_HOURS',
    default: '24 hours',
    description: 'How long a request_id answers the same.',
    allowed: 'a whole number from 1 to 8760',
    schema: wholeNumber(1, 8760).default(24),
  }),
  retain_revisions_days: setting({
    env: 'MEMORYHUB_RETAIN_REVISIONS_DAYS',
    default: 'unset: for ever',
    description: 'How long old revisions of living memories are kept; the newest always is.',
    allowed: 'a whole number from 1 to 36500',
    schema: wholeNumber(1, 36_500).optional(),
  }),
  retain_audit_days: setting({
    env: 'MEMORYHUB_RETAIN_AUDIT_DAYS',
    default: '90 days',
    description: 'How long the audit trail is kept: administrative acts, and refused access.',
    allowed: 'a whole number from 1 to 36500',
    schema: wholeNumber(1, 36_500).default(90),
  }),
  sealing_keyring: setting({
    env: 'MEMORYHUB_SEALING_KEYRING',
    default: 'unset: sealing.keys in data_dir',
    description: 'File of keys that wrap the keys of sealed secrets, the same on all servers of a database.',
    allowed: 'a path',
    schema: optional.transform((path) => (path === undefined ? undefined : resolve(path))),
  }),
  sealing_keys: setting({
    env: 'MEMORYHUB_SEALING_KEYS',
    default: 'unset: the file',
    description: 'The keyring itself: NAME:KEY of 32 bytes in base64, several between commas, the first wraps.',
    allowed: 'NAME:KEY of 32 bytes in base64, several between commas',
    secret: true,
    schema: optional,
  }),
  sealing_command: setting({
    env: 'MEMORYHUB_SEALING_COMMAND',
    default: 'unset: the file',
    description: 'A shell command that prints the keyring, from a secret store for instance.',
    allowed: 'a command for /bin/sh',
    secret: true,
    schema: optional,
  }),
  sealed_names: setting({
    env: 'MEMORYHUB_SEALED_NAMES',
    default: 'unset: api_key, password, token, secret',
    description: 'Further names whose values are sealed, between commas, from now on.',
    allowed: 'names of letters, digits, "_" and "-", between commas',
    schema: several.optional().transform((names, context): readonly string[] | undefined => {
      if (names === undefined) return undefined;
      const parts = names.split(',').map((name) => name.trim());
      const given = parts.filter((name) => name !== '');
      if (given.every((name) => /^[A-Za-z0-9_-]{1,64}$/.test(name))) return given;
      context.addIssue('not names');
      return z.NEVER;
    }),
  }),
  drain_seconds: setting({
    env: 'MEMORYHUB_DRAIN_SECONDS',
    default: '10 s',
    description: 'How long calls may go on after SIGTERM or Ctrl-C.',
    allowed: 'a whole number from 0 to 3600',
    schema: wholeNumber(0, 3600).default(10),
  }),
  rate_limit_key: setting({
    env: 'MEMORYHUB_RATE_LIMIT_KEY',
    default: '0 calls',
    description:
      'Calls a second that one key may make, over all servers on one Redis; without Redis over this one; 0: any number.',
    allowed: 'a whole number from 0 to 1000000',
    schema: wholeNumber(0, 1_000_000).default(0),
  }),
  rate_limit_workspace: setting({
    env: 'MEMORYHUB_RATE_LIMIT_WORKSPACE',
    default: '0 calls',
    description: 'Calls a second that all keys of a workspace may make together; 0: any number.',
    allowed: 'a whole number from 0 to 1000000',
    schema: wholeNumber(0, 1_000_000).default(0),
  }),
  bad_credential_rate: setting({
    env: 'MEMORYHUB_BAD_CREDENTIAL_RATE',
    default: '50 credentials',
    description:
      'Credentials a second that one address (of IPv6 a /64) may show to a process and that turn out not to be good, four times as many at once; above it only what is known already is let in. 0: any number.',
    allowed: 'a whole number from 0 to 1000000',
    schema: wholeNumber(0, 1_000_000).default(50),
  }),
  overload_lag_ms: setting({
    env: 'MEMORYHUB_OVERLOAD_LAG_MS',
    default: '100 ms',
    description:
      'Lateness of the event loop from which on fewer calls are let in at a time, whatever they have to wait; 0: all always are, also those that have to wait long.',
    allowed: 'a whole number from 0 to 60000',
    schema: wholeNumber(0, 60_000).default(100),
  }),
  connection_age_seconds: setting({
    env: 'MEMORYHUB_CONNECTION_AGE_SECONDS',
    default: '1800 s',
    description:
      'Age at which a connection takes no new calls, so that clients spread over workers and servers; its open calls go on. 0: never.',
    allowed: 'a whole number from 0 to 86400',
    schema: wholeNumber(0, 86_400).default(1800),
  }),
  reader_stall_seconds: setting({
    env: 'MEMORYHUB_READER_STALL_SECONDS',
    default: '60 s',
    description: 'A stream whose reader takes nothing for this long is ended.',
    allowed: 'a whole number from 1 to 3600',
    schema: wholeNumber(1, 3600).default(60),
  }),
  tls_cert: setting({
    env: 'MEMORYHUB_TLS_CERT',
    default: 'unset: no TLS',
    description:
      'PEM file of the certificate to serve TLS with, and those between it and its authority; read again when it changes.',
    allowed: 'a path',
    schema: path,
  }),
  tls_key: setting({
    env: 'MEMORYHUB_TLS_KEY',
    default: 'unset: no TLS',
    description: 'PEM file of its key.',
    allowed: 'a path',
    schema: path,
  }),
  tls_client_ca: setting({
    env: 'MEMORYHUB_TLS_CLIENT_CA',
    default: 'unset: clients need no certificate',
    description: 'PEM file of the authorities that sign the certificates clients must show (mutual TLS).',
    allowed: 'a path',
    schema: path,
  }),
  compression_min_bytes: setting({
    env: 'MEMORYHUB_COMPRESSION_MIN_BYTES',
    default: '1000 bytes',
    description: 'Size of answers from which on they are compressed for callers that take gzip; 0: never.',
    allowed: 'a whole number from 0 to 4194304',
    schema: wholeNumber(0, 4 * 1024 * 1024).default(1000),
  }),
  trusted_hosts: setting({
    env: 'MEMORYHUB_TRUSTED_HOSTS',
    default: 'unset: any',
    description:
      'Names callers may address the server by (:authority), with commas between; `*.` in front takes all names below. Health checks may use any.',
    allowed: 'host names or addresses without ports, such as hub.example.com,*.hub.internal',
    schema: hostNames,
  }),
  open_introspection: setting({
    env: 'MEMORYHUB_OPEN_INTROSPECTION',
    default: '0',
    description: 'Let reflection and statistics be read without a key.',
    allowed: '0 or 1',
    schema: flag.default(false),
  }),
  oidc_issuer: setting({
    env: 'MEMORYHUB_OIDC_ISSUER',
    default: 'unset: keys only',
    description: 'Issuer whose JSON Web Tokens are taken beside API keys: its `iss`.',
    allowed: 'an https:// address, or http:// on this very host',
    schema: safeUrl.optional(),
  }),
  oidc_audience: setting({
    env: 'MEMORYHUB_OIDC_AUDIENCE',
    default: 'unset',
    description: 'What tokens must be made for: one of these `aud`, with commas between them.',
    allowed: 'names with commas between them',
    schema: several
      .transform((value) =>
        value
          .split(',')
          .map((name) => name.trim())
          .filter(Boolean),
      )
      .optional(),
  }),
  oidc_keys: setting({
    env: 'MEMORYHUB_OIDC_KEYS',
    default: 'unset: where the issuer says',
    description: "The issuer's key set (JWKS): an address, or a file, which needs no network.",
    allowed: 'an https:// address, http:// on this very host, or a path',
    schema: z
      .union([safeUrl, text.refine((path) => !path.includes('://')).transform((path) => resolve(path))])
      .optional(),
  }),
  oidc_workspace_claim: setting({
    env: 'MEMORYHUB_OIDC_WORKSPACE_CLAIM',
    default: 'memoryhub_workspace',
    description: 'Claim that names the workspace; `a.b` is b within a.',
    allowed: 'the name of a claim',
    schema: text.default('memoryhub_workspace'),
  }),
  oidc_workspaces: setting({
    env: 'MEMORYHUB_OIDC_WORKSPACES',
    default: 'unset: the value is the name',
    description: 'Workspaces by value of that claim: `tenant-7=alpha,tenant-8=beta`.',
    allowed: 'VALUE=WORKSPACE with commas between them',
    schema: pairs.optional(),
  }),
  oidc_role_claim: setting({
    env: 'MEMORYHUB_OIDC_ROLE_CLAIM',
    default: 'memoryhub_role',
    description: 'Claim that holds the role, or a list of them.',
    allowed: 'the name of a claim',
    schema: text.default('memoryhub_role'),
  }),
  oidc_roles: setting({
    env: 'MEMORYHUB_OIDC_ROLES',
    default: "unset: the roles' own names",
    description: 'Roles by value of that claim, the first that fits counts: `hub-admins=admin,staff=writer`.',
    allowed: 'VALUE=ROLE with commas between them, the roles being reader, writer, admin, monitor, operator',
    schema: pairs
      .transform((entries, context) => entries.map(([value, name]) => [value, roleOf(name, context)] as const))
      .optional(),
  }),
  oidc_user_claim: setting({
    env: 'MEMORYHUB_OIDC_USER_CLAIM',
    default: 'sub',
    description: 'Claim with the user to whom readers and writers are bound; `none` binds them to no user.',
    allowed: 'the name of a claim, or none',
    schema: text.default('sub').transform((name) => (name === 'none' ? undefined : name)),
  }),
  oidc_teams_claim: setting({
    env: 'MEMORYHUB_OIDC_TEAMS_CLAIM',
    default: 'unset: to no teams',
    description: 'Claim with the teams to which they are bound.',
    allowed: 'the name of a claim',
    schema: optional,
  }),
  allow_plaintext: setting({
    env: 'MEMORYHUB_ALLOW_PLAINTEXT',
    default: '0',
    description: 'Serve without TLS on an address other hosts can reach.',
    allowed: '0 or 1',
    schema: flag.default(false),
  }),
  log_level: setting({
    env: 'LOG_LEVEL',
    default: 'info',
    description: 'What is logged.',
    allowed: 'one of trace, debug, info, warn, error, fatal, silent',
    schema: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
  }),
  log_file: setting({
    env: 'MEMORYHUB_LOG_FILE',
    default: 'unset: standard output',
    description: 'Also write JSON lines here, a new file a day or at 100 MB, 7 kept.',
    allowed: 'a path',
    schema: path,
  }),
  alerts_file: setting({
    env: 'MEMORYHUB_ALERTS_FILE',
    default: 'unset: the built-in rules',
    description: 'Rules of alerts (YAML, docs/alerts.md) the server holds itself to.',
    allowed: 'a path',
    schema: path,
  }),
  access_log: setting({
    env: 'MEMORYHUB_ACCESS_LOG',
    default: '0',
    description: 'Log a line for every call, not only for those that failed inside.',
    allowed: '0 or 1',
    schema: flag.default(false),
  }),
  metrics_listen: setting({
    env: 'MEMORYHUB_METRICS_LISTEN',
    default: 'unset: none',
    description:
      'Address and port of an HTTP endpoint with metrics for Prometheus, at /metrics; `127.0.0.1:9464` is usual.',
    allowed: 'HOST:PORT with a port from 0 to 65535',
    schema: listenAddress.optional(),
  }),
  slow_call_ms: setting({
    env: 'MEMORYHUB_SLOW_CALL_MS',
    default: '1000 ms',
    description:
      'Log a line with its stages for a call that took this long, of a stream the time spent on it here; at most 20 in 10 s. 0: never.',
    allowed: 'a whole number from 0 to 3600000',
    schema: wholeNumber(0, 3_600_000).default(1000),
  }),
  otlp_endpoint: setting({
    env: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    default: 'unset: none',
    description: 'Where traces and metrics go; every other OTEL_ variable means what OpenTelemetry says.',
    allowed: 'an http:// or https:// address',
    schema: url('http:', 'https:'),
  }),
} as const;

export type SettingName = keyof typeof SETTINGS;
/** The values of all settings. */
export type Settings = { readonly [Name in SettingName]: z.output<(typeof SETTINGS)[Name]['schema']> };
