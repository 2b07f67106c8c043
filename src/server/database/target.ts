import { TypeOverrides } from 'pg';
import { DatabaseConnectError } from './errors.ts';

/** int8: change numbers, counts and microseconds all stay below 2^53. */
const INT8_OID = 20;
/** date, timestamp, timestamptz, interval: MikroORM expects their text. */
const TEXT_OIDS = [1082, 1114, 1184, 1186];

/** How result columns become JavaScript values, the same on every connection of ours. */
export function resultTypes(): TypeOverrides {
  const types = new TypeOverrides();
  types.setTypeParser(INT8_OID, Number);
  for (const oid of TEXT_OIDS) types.setTypeParser(oid, (text: string) => text);
  return types;
}

/** "127.0.0.1:5432, database "memoryhub", user "app"": where a URL leads, without its password. */
export function describeTarget(url: string): string {
  const parsed = parseUrl(url);
  const host = decodeURIComponent(parsed.hostname) || parsed.searchParams.get('host') || 'localhost';
  const place = host.startsWith('/') ? `socket ${host}` : `${host}:${parsed.port || '5432'}`;
  const database = decodeURIComponent(parsed.pathname.slice(1));
  const user = decodeURIComponent(parsed.username);
  return `${place}, database "${database}"${user === '' ? '' : `, user "${user}"`}`;
}

/** The URL with server settings (GUCs) added that hold for the whole session. */
export function withSettings(url: string, settings: Readonly<Record<string, string | number>>): string {
  const parsed = parseUrl(url);
  const ours = Object.entries(settings).map(([name, value]) => `-c ${name}=${value}`);
  const theirs = parsed.searchParams.get('options');
  parsed.searchParams.set('options', [...ours, ...(theirs === null ? [] : [theirs])].join(' '));
  return parsed.toString();
}

function parseUrl(url: string): URL {
  const parsed = URL.parse(url);
  if (parsed === null || !/^postgres(ql)?:$/.test(parsed.protocol)) {
    throw new DatabaseConnectError('the database URL is not of the form postgresql://user:password@host:port/database');
  }
  return parsed;
}

/** What went wrong, for people; the driver's own error stays as the cause. */
export function connectError(url: string, error: unknown): DatabaseConnectError {
  return new DatabaseConnectError(`cannot connect to PostgreSQL at ${describeTarget(url)}: ${reason(error)}`, {
    cause: error,
  });
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused: nothing listens there',
  ENOTFOUND: 'the host name is not known',
  EAI_AGAIN: 'the host name cannot be looked up at the moment',
  ENOENT: 'there is no such socket',
  EACCES: 'permission denied on the socket',
  ECONNRESET: 'the connection was closed while it was being made',
  ETIMEDOUT: 'no answer in time',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  '28P01': 'the password is wrong',
  '28000': 'the server refuses this user',
  '3D000': 'there is no such database',
  '53300': 'the server has no connection left',
  '57P03': 'the server is starting up or shutting down',
};

function reason(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown reason';
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  // Trying several addresses of a host ends in an AggregateError with an empty message.
  const first = error instanceof AggregateError ? error.errors[0] : undefined;
  const known = REASONS[code];
  if (known !== undefined) return known;
  if (first instanceof Error && error.message === '') return reason(first);
  if (/timeout/i.test(error.message)) return 'no answer in time';
  return error.message || code || 'unknown reason';
}
