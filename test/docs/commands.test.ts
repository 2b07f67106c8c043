import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/server/config.ts';
import { ServerProcess } from '../support/server-process.ts';
import { codeBlocks, commands, DOCUMENTS } from './code-blocks.ts';
import { lookalikeCheckout, runScript } from './shell.ts';

/** Commands of the documents that are not run here, each with the reason. Every other one is. */
const NOT_RUN: Readonly<Record<string, string>> = {
  'npm install && npm start': 'installs into the checkout, and serves until it is stopped; test/e2e starts servers',
  'npm run monitor': 'needs a terminal, and runs until it is quit; test/tui drives it',
  'apt-get install -y redis-server': 'changes the machine',
  'npm test': 'this is it',
  'npm run test:all': 'this is part of it',
  'npm run lint && npm run typecheck': '.ci/run runs them over the whole checkout',
  'npm run proto:lint && npm run proto:breaking': 'test/contract-files runs them',
  'npm run load -- --short': 'needs ghz, and takes minutes',
  'npm run build:client && npm pack ./dist/client': 'test/docs/client-package.test.ts runs them',
  'npm run cli -- doctor':
    'would judge this machine, and loads it for a minute; test/e2e/doctor-healthy.long.test.ts runs it',
  'npm run cli -- stop': 'would end the server the other commands need; test/e2e runs it',
  'pg_dump --format=custom "$DATABASE_URL" > memory-hub.dump': 'needs the client programs of PostgreSQL',
  'pg_restore --no-owner --dbname "$NEW_DATABASE_URL" memory-hub.dump': 'needs the client programs of PostgreSQL',
  'mv .memory-hub .memory-hub.old': 'would take the data directory from under the server',
  'MEMORYHUB_LISTEN=127.0.0.1:50052 MEMORYHUB_DATA_DIR=./.memory-hub-2 DATABASE_URL=postgres://memoryhub@127.0.0.1/memoryhub REDIS_URL=redis://127.0.0.1:6379 npm start':
    'serves until it is stopped; test/e2e/two-servers.test.ts starts two',
  'echo "POSTGRES_PASSWORD=$(openssl rand -hex 16)" > .env': 'only makes sense with Docker',
  'docker compose up --build --wait': 'needs a Docker daemon',
  'docker compose exec server cat /data/admin.key': 'needs a Docker daemon',
  'docker compose exec server node src/cli/memory-hub.js monitor': 'needs a Docker daemon',
};

/** Sections of docs/clients.md that examples.long.test.ts runs: they need other languages, and the network. */
const OTHER_LANGUAGES = ['Python', 'Go', 'Java'];
const inOtherLanguages = OTHER_LANGUAGES.flatMap((language) => commands('docs/clients.md', language));

/** What must be in the output of some commands, so that they did what the text beside them says. */
const SHOWN: Readonly<Record<string, RegExp>> = {
  'npm run cli -- get --key deploys': /revision 2 by admin[\s\S]*Deploys happen on Wednesdays\./,
  'npm run cli -- history --key deploys': /platform team, 12 May[\s\S]*from the runbook/,
  'npm run cli -- export --out memories.jsonl': /Exported [1-9]\d* memor(y|ies)/,
  'npm run cli -- import memories.jsonl': /Imported [1-9]\d* memor(y|ies)/,
  'npm run monitor -- --once --json': /"SaveMemory"|MemoryService\/SaveMemory/,
  'npm run cli -- keys list': /planner/,
  'npm run cli -- doctor --only keys --only files --json': /"healthy":true.*"check":"files","state":"ok"/,
};

describe('the commands of the documents', () => {
  const folder = lookalikeCheckout();
  const server = new ServerProcess({}, join(folder, '.memory-hub'));
  let address = '';

  beforeAll(async () => {
    address = await server.address();
  });
  afterAll(async () => {
    await server.cleanUp();
    rmSync(folder, { recursive: true, force: true });
  });

  it('stand in blocks that say whether they are commands', () => {
    const languages = new Set(DOCUMENTS.flatMap((name) => codeBlocks(name).map(({ language }) => language)));
    expect([...languages].sort()).toEqual(['sh', 'text', 'yaml']);
  });

  it('stand beside configuration files that a server takes', () => {
    const files = DOCUMENTS.flatMap((name) => codeBlocks(name)).filter(({ language }) => language === 'yaml');
    expect(files.length).toBeGreaterThan(0);
    const folder = mkdtempSync(join(tmpdir(), 'documents-'));
    const path = join(folder, 'memory-hub.config.yaml');
    for (const { lines } of files) {
      writeFileSync(path, lines.join('\n'));
      expect(loadConfig({ MEMORYHUB_CONFIG: path }).warnings).toEqual([]);
    }
    rmSync(folder, { recursive: true });
  });

  it('are run, unless a reason is given; and no reason outlives its command', () => {
    const all = new Set(DOCUMENTS.flatMap((name) => commands(name)));
    expect(
      [...Object.keys(NOT_RUN), ...inOtherLanguages, ...Object.keys(SHOWN)].filter((each) => !all.has(each)),
    ).toEqual([]);
    expect(inOtherLanguages.length).toBeGreaterThan(8);
  });

  it.each(DOCUMENTS)(
    'work as %s has them, one after another',
    async (name) => {
      const skipped = new Set([...Object.keys(NOT_RUN), ...inOtherLanguages]);
      const lines = commands(name).filter((line) => !skipped.has(line));
      expect(lines.length).toBeGreaterThan(2);
      // The documents name the standard port; the server of this test has a free one.
      const ran = await runScript(
        lines.map((line) => line.replaceAll('127.0.0.1:50051', address)),
        folder,
      );
      expect(ran).toHaveLength(lines.length);
      lines.forEach((line, i) => {
        const shown = SHOWN[line];
        if (shown !== undefined) expect(ran[i]?.output, line).toMatch(shown);
      });
    },
    120_000,
  );
});
