import { existsSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { YAMLException } from 'js-yaml';
import { CLIENT_VARIABLES } from '../shared/discovery.ts';
import { parseYaml, yamlFault } from '../shared/yaml.ts';
import { SETTINGS, type Settings } from './settings.ts';

/** All settings with their values, checked against each other. */
export interface Config extends Settings {
  /** The file that was read, if there was one. */
  readonly file: string | undefined;
  /** Things that are allowed but probably not meant. */
  readonly warnings: readonly string[];
}

/** Environment variables with this prefix that are not the server's: the clients' and this file's own. */
const OTHER_VARIABLES = new Set<string>(['MEMORYHUB_CONFIG', ...CLIENT_VARIABLES]);

/** The start is refused: each problem is a sentence that names the setting, the value and what is allowed. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.problems = problems;
  }
}

/**
 * Reads the environment and the configuration file (the environment wins) and checks everything.
 *
 * @throws ConfigError naming every problem found
 */
export function loadConfig(environment: NodeJS.ProcessEnv): Config {
  const dataDir = resolve(environment[SETTINGS.data_dir.env]?.trim() || './.memory-hub');
  const named = environment.MEMORYHUB_CONFIG;
  const path = named ? resolve(named) : join(dirname(dataDir), 'memory-hub.config.yaml');
  const file = named || existsSync(path) ? readConfigFile(path) : undefined;

  const problems: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, declaration] of Object.entries(SETTINGS)) {
    const fromEnvironment = environment[declaration.env];
    const isSet = fromEnvironment !== undefined && fromEnvironment !== '';
    const given = isSet ? fromEnvironment : (file?.[name] ?? undefined);
    const result = declaration.schema.safeParse(given);
    if (result.success) values[name] = result.data;
    else {
      const where = isSet ? declaration.env : `${name} in ${path}`;
      const shown = 'secret' in declaration ? 'set to something else' : JSON.stringify(given);
      problems.push(`${where} is ${shown}: it must be ${declaration.allowed}.`);
    }
  }
  for (const name of Object.keys(file ?? {})) {
    if (!Object.hasOwn(SETTINGS, name)) {
      problems.push(
        `${path} sets ${JSON.stringify(name)}, which is not a setting. Settings: ${Object.keys(SETTINGS).join(', ')}.`,
      );
    }
  }
  if (problems.length > 0) throw new ConfigError(problems);

  const settings = values as Settings;
  const warnings = [...unknownVariables(environment), ...risks(settings)];
  const config = { ...settings, file: file && path, warnings };
  const conflicts = crossChecks(config);
  if (conflicts.length > 0) throw new ConfigError(conflicts);
  return config;
}

/** Whether only this host can reach the address. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

function crossChecks(config: Settings): string[] {
  const problems: string[] = [];
  if (!isLoopback(config.listen.host) && !config.tls_cert && !config.allow_plaintext) {
    problems.push(
      `MEMORYHUB_LISTEN is ${JSON.stringify(`${config.listen.host}:${config.listen.port}`)}, which other hosts can reach without TLS: ` +
        'it must be a loopback address (127.0.0.1), or MEMORYHUB_TLS_CERT and MEMORYHUB_TLS_KEY must be set, ' +
        'or MEMORYHUB_ALLOW_PLAINTEXT must be 1.',
    );
  }
  if (config.metrics_listen && !isLoopback(config.metrics_listen.host) && !config.allow_plaintext) {
    const { host, port } = config.metrics_listen;
    problems.push(
      `MEMORYHUB_METRICS_LISTEN is ${JSON.stringify(`${host}:${port}`)}, which other hosts can reach without TLS and without a key: ` +
        'it must be a loopback address (127.0.0.1), or MEMORYHUB_ALLOW_PLAINTEXT must be 1.',
    );
  }
  if ((config.tls_cert === undefined) !== (config.tls_key === undefined)) {
    const [set, unset] = config.tls_cert ? ['CERT', 'KEY'] : ['KEY', 'CERT'];
    problems.push(`MEMORYHUB_TLS_${set} is set and MEMORYHUB_TLS_${unset} is not: both must be, or neither.`);
  }
  if (config.tls_client_ca && !config.tls_cert) {
    problems.push(
      'MEMORYHUB_TLS_CLIENT_CA is set and MEMORYHUB_TLS_CERT is not: a server without TLS cannot ask for certificates.',
    );
  }
  if (config.oidc_issuer && !config.oidc_audience?.length) {
    problems.push(
      'MEMORYHUB_OIDC_ISSUER is set and MEMORYHUB_OIDC_AUDIENCE is not: without it, tokens made for another service would be taken.',
    );
  }
  if (config.oidc_keys && !/^https?:/.test(config.oidc_keys) && !existsSync(config.oidc_keys)) {
    problems.push(`MEMORYHUB_OIDC_KEYS is ${JSON.stringify(config.oidc_keys)}, and there is no such file.`);
  }
  if (config.database_read_url && !config.database_url) {
    problems.push(
      'DATABASE_READ_URL is set and DATABASE_URL is not: it must be a replica of the database DATABASE_URL names.',
    );
  }
  const keyrings = [config.sealing_keyring, config.sealing_keys, config.sealing_command].filter(Boolean).length;
  if (keyrings > 1) {
    problems.push(
      'MEMORYHUB_SEALING_KEYRING, MEMORYHUB_SEALING_KEYS and MEMORYHUB_SEALING_COMMAND say where the keyring is: one of them must be set at most.',
    );
  }
  if (config.retain_revisions_days && config.retain_revisions_days * 24 < config.retain_requests_hours) {
    problems.push(
      `MEMORYHUB_RETAIN_REVISIONS_DAYS is ${config.retain_revisions_days}: it must be at least as long as ` +
        `MEMORYHUB_RETAIN_REQUESTS_HOURS (${config.retain_requests_hours} hours), for a repeated request is answered from the history.`,
    );
  }
  if (config.pool_size + config.pool_overflow < 3 * config.workers) {
    problems.push(
      `MEMORYHUB_POOL_SIZE and MEMORYHUB_POOL_OVERFLOW are ${config.pool_size} and ${config.pool_overflow} for ` +
        `MEMORYHUB_WORKERS=${config.workers}: together they must be at least 3 for each worker.`,
    );
  }
  return problems;
}

function risks(config: Settings): string[] {
  if (isLoopback(config.listen.host) || config.tls_cert) return [];
  return [
    `MEMORYHUB_ALLOW_PLAINTEXT is 1 and MEMORYHUB_LISTEN is ${config.listen.host}:${config.listen.port}: ` +
      'keys and memories cross the network in plain text, unless something in front of the server ends TLS.',
  ];
}

function unknownVariables(environment: NodeJS.ProcessEnv): string[] {
  const known = new Set<string>(Object.values(SETTINGS).map((declaration) => declaration.env));
  return Object.keys(environment)
    .filter((name) => name.startsWith('MEMORYHUB_') && !known.has(name) && !OTHER_VARIABLES.has(name))
    .map((name) => `${name} is set, but is not a setting of this server.`);
}

function readConfigFile(path: string): Record<string, unknown> {
  let source: string;
  try {
    source = readFileSync(path, 'utf8');
  } catch (error) {
    throw new ConfigError([
      `MEMORYHUB_CONFIG is ${JSON.stringify(path)}: it must be a file that can be read (${(error as NodeJS.ErrnoException).code}).`,
    ]);
  }
  try {
    const content = parseYaml(source);
    if (typeof content === 'object' && content !== null && !Array.isArray(content)) {
      return content as Record<string, unknown>;
    }
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    const where = error.mark ? ` at line ${error.mark.line + 1}, column ${error.mark.column + 1}` : '';
    throw new ConfigError([
      `${path} is not YAML${where} (${yamlFault(error)}): it must hold one setting a line, as "name: value".`,
    ]);
  }
  throw new ConfigError([`${path} holds no settings: it must hold one a line, as "name: value".`]);
}
