/**
 * What it takes to load and check a configuration file once, as a start does: in new processes, where
 * nothing is compiled by use yet but what the cache of compiled code has, as from the second start on. The goal is 10 ms. What else runs on the machine moves the least of the
 * samples and the processor time least.
 *
 *   node load/micro/config-file.ts [--starts 30]
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { SETTINGS } from '../../src/server/settings.ts';
import { quantile } from '../alternate.ts';

const { values: flags } = parseArgs({ options: { starts: { type: 'string', default: '30' } } });
const folder = mkdtempSync(join(tmpdir(), 'memory-hub-config-'));
const file = join(folder, 'memory-hub.config.yaml');

/** As many as a usual file has; and then all of them. */
const FEW = 10;

/** Where the default is that nothing is set, there has to be something. */
const WHERE_UNSET: Readonly<Record<string, string>> = {
  database_url: 'postgres://memoryhub@127.0.0.1/memoryhub',
  database_read_url: 'postgres://memoryhub@127.0.0.1:5433/memoryhub',
  redis_url: 'redis://127.0.0.1:6379',
  retain_revisions_days: '365',
  sealing_keyring: file,
  sealed_names: 'credential, passphrase',
  tls_cert: file,
  tls_key: file,
  tls_client_ca: file,
  trusted_hosts: '[hub.example.com, "*.internal.example.com"]',
  oidc_issuer: 'https://login.example.com/realms/main',
  oidc_audience: 'memory-hub',
  oidc_keys: file,
  oidc_workspaces: 'tenant-7=alpha,tenant-8=beta',
  oidc_roles: 'hub-admins=admin,staff=writer',
  oidc_teams_claim: 'groups',
  log_file: join(folder, 'hub.log'),
  alerts_file: file,
  metrics_listen: '127.0.0.1:9464',
  otlp_endpoint: 'http://127.0.0.1:4318',
};
/** One of three ways to say where the keyring is, of which a file may have one. */
const LEFT_OUT = ['sealing_keys', 'sealing_command'];

const lines = Object.entries(SETTINGS)
  .filter(([name]) => !LEFT_OUT.includes(name))
  .map(([name, declaration]) => {
    // Without its unit.
    const value = WHERE_UNSET[name] ?? declaration.default.replace(/ \w+$/, '');
    if (value.startsWith('unset')) throw new Error(`what is ${name} to be?`);
    return `${name}: ${value}`;
  });

const START = `
  const { loadConfig } = await import(${JSON.stringify(new URL('../../src/server/config.ts', import.meta.url).href)});
  const spent = process.cpuUsage();
  const before = performance.now();
  loadConfig({ MEMORYHUB_CONFIG: ${JSON.stringify(file)} });
  const elapsed = performance.now() - before;
  const { user, system } = process.cpuUsage(spent);
  console.log(JSON.stringify([elapsed, (user + system) / 1000]));`;

const env = { ...process.env, NODE_COMPILE_CACHE: join(folder, 'compiled') };

function start(): [elapsedMs: number, processorMs: number] {
  return JSON.parse(execFileSync(process.execPath, ['--input-type=module', '-e', START], { encoding: 'utf8', env }));
}

console.log(`load average ${loadavg()[0]?.toFixed(1)}; Node.js ${process.version}\n`);
console.log('| a file of | least ms | median ms | p95 ms | processor ms, median |\n|---|---|---|---|---|');
for (const count of [FEW, lines.length]) {
  writeFileSync(file, lines.slice(0, count).join('\n'));
  start();
  const starts = Array.from({ length: Number(flags.starts) }, start);
  const elapsed = starts.map(([ms]) => ms);
  const processor = starts.map(([, ms]) => ms);
  const shown = [Math.min(...elapsed), quantile(elapsed, 0.5), quantile(elapsed, 0.95), quantile(processor, 0.5)];
  console.log(`| ${count} settings | ${shown.map((ms) => ms.toFixed(1)).join(' | ')} |`);
}
rmSync(folder, { recursive: true });
