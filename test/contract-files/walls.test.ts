import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '..', '..');

interface Room {
  /** Folders a file of the room may stand in, the room's own first. */
  readonly folders: readonly string[];
  /** What it must not import: packages, or paths from src/. */
  readonly mustNot: readonly string[];
  /** What it may, and needs to. */
  readonly may: readonly string[];
}

const WIRE = ['@grpc/grpc-js'];
const SQL = ['@mikro-orm/core', '@mikro-orm/postgresql', 'pg', 'pg-cursor', 'kysely'];
const REDIS = ['ioredis'];
const DRAWING = ['ink', 'react'];
const STUBS = ['shared/gen/memoryhub/v1/memory.ts'];
const rooms = (...names: string[]) => names.map((name) => `server/${name}/planted-target.ts`);
const monitor = (...names: string[]) => names.map((name) => `tui/${name}/planted-target.ts`);

/** The rooms and their walls, as the architecture has them. */
const ROOMS: Readonly<Record<string, Room>> = {
  shared: {
    folders: ['shared', 'shared/deeper'],
    mustNot: [...WIRE, ...SQL, ...REDIS, ...DRAWING, ...rooms('domain', 'rpc'), ...monitor('state'), 'cli/session.ts'],
    may: ['shared/limits.ts', ...STUBS, '@bufbuild/protobuf'],
  },
  'server/domain': {
    folders: ['server/domain', 'server/domain/validation'],
    mustNot: [
      ...WIRE,
      ...SQL,
      ...REDIS,
      ...STUBS,
      ...rooms('rpc', 'cache', 'repository', 'database', 'security', 'stats', 'telemetry'),
    ],
    may: ['shared/limits.ts', 'server/domain/memory.ts'],
  },
  'server/rpc': {
    folders: ['server/rpc', 'server/rpc/memory'],
    mustNot: [...SQL, ...REDIS, ...rooms('cache', 'repository', 'database')],
    may: [...WIRE, ...STUBS, ...rooms('domain', 'stats', 'security')],
  },
  'server/cache': {
    folders: ['server/cache'],
    mustNot: [...WIRE, ...SQL, ...STUBS, ...rooms('rpc', 'repository', 'database')],
    may: [...REDIS, ...rooms('domain'), 'shared/backoff.ts'],
  },
  'server/repository': {
    folders: ['server/repository', 'server/repository/statements'],
    mustNot: [...WIRE, ...REDIS, ...STUBS, ...rooms('rpc', 'cache')],
    may: [...SQL, ...rooms('domain', 'database')],
  },
  'server/database': {
    folders: ['server/database', 'server/database/embedded'],
    mustNot: [...WIRE, ...REDIS, ...rooms('rpc', 'cache', 'repository', 'domain', 'security', 'stats', 'telemetry')],
    may: SQL,
  },
  'tui/state': {
    folders: ['tui/state', 'tui/state/deeper'],
    mustNot: [
      ...WIRE,
      ...DRAWING,
      ...monitor('source', 'screens', 'widgets', 'terminal'),
      ...rooms('stats'),
      'cli/session.ts',
    ],
    may: ['shared/histogram.ts', 'tui/keys.ts', ...STUBS],
  },
  'tui/source': {
    folders: ['tui/source'],
    mustNot: [...DRAWING, ...monitor('screens', 'widgets', 'terminal'), ...rooms('stats'), 'cli/session.ts'],
    may: [...WIRE, 'shared/client.ts', ...monitor('state')],
  },
  'tui/screens': {
    folders: ['tui/screens', 'tui/widgets'],
    mustNot: [...WIRE, ...monitor('source'), ...rooms('stats'), 'cli/session.ts'],
    may: [...DRAWING, ...monitor('state', 'terminal')],
  },
};

/** The ways to import. */
const FORMS: readonly ((what: string) => string)[] = [
  (what) => `import { planted } from '${what}';\nplanted();\n`,
  (what) => `import type { Planted } from '${what}';\nexport type Own = Planted;\n`,
  (what) => `export { planted } from '${what}';\n`,
  (what) => `export const planted = () => import('${what}');\n`,
];

interface Plant {
  readonly file: string;
  readonly from: string;
  readonly what: string;
  readonly refused: boolean;
}

/** Every room, folder and import, in one of its forms each, in files of their own. */
const plants: Plant[] = Object.entries(ROOMS).flatMap(([room, { folders, mustNot, may }]) =>
  folders.flatMap((folder) =>
    [...mustNot.map((what) => [what, true] as const), ...may.map((what) => [what, false] as const)].map(
      ([what, refused], i) => ({
        file: `src/${folder}/planted-${room.replace('/', '-')}-${i}.ts`,
        from: folder,
        what,
        refused,
      }),
    ),
  ),
);

function specifier({ from, what }: Plant): string {
  if (!what.endsWith('.ts')) return what;
  // As people write it: the shortest way, not up to src/ and down again.
  const shared = commonFolders(from, what);
  const path = `${'../'.repeat(from.split('/').length - shared)}${what.split('/').slice(shared).join('/')}`;
  return path.startsWith('../') ? path : `./${path}`;
}

function commonFolders(from: string, what: string): number {
  const [a, b] = [from.split('/'), dirname(what).split('/')];
  const differs = a.findIndex((part, i) => part !== b[i]);
  return differs < 0 ? a.length : differs;
}

describe('the walls between rooms', () => {
  const folder = mkdtempSync(join(tmpdir(), 'memory-hub-walls-'));
  const refusedIn = new Set<string>();

  beforeAll(() => {
    const config = JSON.parse(readFileSync(join(ROOT, 'biome.json'), 'utf8')) as Record<string, unknown>;
    writeFileSync(join(folder, 'biome.json'), JSON.stringify({ ...config, $schema: undefined, vcs: undefined }));
    plants.forEach((plant, i) => {
      mkdirSync(join(folder, dirname(plant.file)), { recursive: true });
      writeFileSync(join(folder, plant.file), FORMS[i % FORMS.length]?.(specifier(plant)) ?? '');
    });
    const args = ['lint', '--only=style/noRestrictedImports', '--reporter=json', '--max-diagnostics=none', '.'];
    const { stdout } = spawnSync(join(ROOT, 'node_modules', '.bin', 'biome'), args, { cwd: folder, encoding: 'utf8' });
    const report = JSON.parse(stdout) as { diagnostics: { category: string; location: { path: string } }[] };
    for (const { category, location } of report.diagnostics) {
      if (category === 'lint/style/noRestrictedImports') refusedIn.add(location.path);
    }
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each(Object.keys(ROOMS))('stand around %s, and have its doors', (room) => {
    const own = plants.filter(({ file }) => file.includes(`planted-${room.replace('/', '-')}-`));
    expect(own.length).toBeGreaterThan(5);
    expect(own.filter(({ file, refused }) => refused && !refusedIn.has(file))).toEqual([]);
    expect(own.filter(({ file, refused }) => !refused && refusedIn.has(file))).toEqual([]);
  });

  it('are all of those in biome.json', () => {
    const { overrides } = JSON.parse(readFileSync(join(ROOT, 'biome.json'), 'utf8')) as {
      overrides: { includes: string[]; linter: { rules: { style: Record<string, unknown> } } }[];
    };
    const walled = overrides.filter(({ linter }) => 'noRestrictedImports' in linter.rules.style);
    const included = walled.flatMap(({ includes }) => includes.filter((path) => !path.startsWith('!')));
    const tested = Object.values(ROOMS).flatMap(({ folders }) => folders.map((each) => `src/${each}/**`));
    expect(included.filter((path) => !tested.includes(path))).toEqual([]);
  });
});
