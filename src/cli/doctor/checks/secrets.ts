import { isLoopback } from '../../../server/config.ts';
import { parseKeyring } from '../../../server/security/sealing/keyring-text.ts';
import { bad, type Check, type Finding, ok, skipped, warn } from '../finding.ts';
import { otherSettings } from '../other-settings.ts';

/** What examples and first tries use; compared without case. */
const DEFAULTS = new Set([
  'postgres',
  'password',
  'memoryhub',
  'memory-hub',
  'admin',
  'root',
  'changeme',
  'change-me',
  'secret',
  'test',
  'redis',
  'example',
  '123456',
  'postgresql',
]);
/** Bytes of 32 random ones that are apart: 28 and more, all but never fewer. */
const DISTINCT_BYTES = 16;

export const secrets: Check = {
  name: 'secrets',
  about: 'passwords and sealing keys of the settings, for defaults and for none',
  async run(context) {
    const { onThisMachine, config } = context;
    if (!onThisMachine) return [skipped('The server runs elsewhere: its settings are not seen from here.')];
    const urls = {
      DATABASE_URL: config.database_url,
      DATABASE_READ_URL: config.database_read_url,
      REDIS_URL: config.redis_url,
    };
    const given = Object.entries(urls).flatMap(([name, url]) =>
      url === undefined ? [] : [passwordFinding(name, url)],
    );
    const findings = [...given, ...(config.sealing_keys === undefined ? [] : [keyringFinding(config.sealing_keys)])];
    const wrong = findings.filter((finding) => finding !== undefined);
    const other = otherSettings(context, await context.stats());
    if (other.length > 0) {
      const said = `The server was started with other settings than are seen here: ${other.join('; ')}.`;
      wrong.push(
        warn(said, 'Run the doctor with the settings of the server: what it says of settings is of those here.'),
      );
    }
    if (wrong.length > 0) return wrong;
    const looked =
      findings.length === 0 ? 'the embedded database has a random one' : `${findings.length} were looked at`;
    return [ok(`No password or sealing key in the settings is a default: ${looked}.`)];
  },
};

function passwordFinding(name: string, text: string): Finding | undefined {
  const { hostname, password, username } = new URL(text);
  const secret = decodeURIComponent(password).toLowerCase();
  if (secret !== '' && (DEFAULTS.has(secret) || secret === decodeURIComponent(username).toLowerCase())) {
    return bad(
      `The password in ${name} is a default one that anybody would try.`,
      'Make a random one: `openssl rand -hex 24`.',
    );
  }
  // Without a password on this host: peer authentication, or a server that trusts whoever is here.
  if (secret !== '' || hostname === '' || isLoopback(hostname)) return undefined;
  return warn(
    `${name} has no password, and ${hostname} is another host.`,
    'Set one there, unless certificates take its place.',
  );
}

function keyringFinding(text: string): Finding | undefined {
  const weak = parseKeyring(text, 'MEMORYHUB_SEALING_KEYS').filter(({ bytes }) => new Set(bytes).size < DISTINCT_BYTES);
  if (weak.length === 0) return undefined;
  const names = weak.map(({ id }) => id).join(', ');
  return bad(
    `Sealing keys that are not random: ${names}.`,
    'Make new ones with `openssl rand -base64 32`, and put them in front of the old.',
  );
}
