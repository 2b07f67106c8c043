import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ServerProcess } from '../support/server-process.ts';
import { commands, ROOT } from './code-blocks.ts';
import { lookalikeCheckout, runScript } from './shell.ts';

/** Sections of docs/clients.md, what they need on the machine, and the note their example leaves. */
const EXAMPLES = [
  { language: 'Python', needs: ['python3'], note: 'from Python' },
  { language: 'Go', needs: ['go', 'protoc'], note: 'from Go' },
  { language: 'Java', needs: ['mvn', 'javac'], note: 'from Java' },
] as const;

function missing(programs: readonly string[]): string[] {
  return programs.filter((program) => {
    try {
      execFileSync('bash', ['-c', `command -v ${program}`], { stdio: 'ignore' });
      return false;
    } catch {
      return true;
    }
  });
}

describe('a client written only against the protos, with default channel options', () => {
  const folder = lookalikeCheckout();
  const server = new ServerProcess({}, join(folder, '.memory-hub'));
  let address = '';

  beforeAll(async () => {
    address = await server.address();
  });
  afterAll(async () => {
    await server.cleanUp();
    // Go leaves its module cache read-only, wherever GOPATH is; this folder holds only what it built.
    rmSync(folder, { recursive: true, force: true });
  });

  for (const { language, needs, note } of EXAMPLES) {
    const lacking = missing(needs);
    const without = lacking.length > 0 ? ` (SKIPPED: ${lacking.join(', ')} not on this machine)` : '';
    it.skipIf(lacking.length > 0)(`in ${language}, by the commands of docs/clients.md${without}`, async () => {
      const setUp = commands('docs/clients.md', 'Clients').map((line) => line.replaceAll('127.0.0.1:50051', address));
      const lines = [...setUp, ...commands('docs/clients.md', language)];
      const ran = await runScript(lines, folder);
      expect(ran.at(-1)?.output).toMatch(/^[0-9a-f-]{36} Deploys happen Tuesdays\.$/m);

      const hub = await server.connect();
      const notes: string[] = [];
      for await (const { memories } of hub.memories.listMemories({ filter: 'category = "decision"' })) {
        for (const { id } of memories) {
          for await (const { revisions } of hub.memories.listRevisions({ memoryId: id }))
            notes.push(...revisions.map((each) => each.note));
        }
      }
      hub.close();
      expect(notes).toContain(note);
    });
  }

  it('needs no channel option, which none of the examples sets', () => {
    const folder = join(ROOT, 'docs', 'examples');
    const sources = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
      (name) => /\.(py|go|java)$/.test(name) && !name.includes('target/'),
    );
    expect(sources.map((name) => name.split('.').at(-1)).sort()).toEqual(['go', 'java', 'py']);
    for (const name of sources) {
      expect(readFileSync(join(folder, name), 'utf8')).not.toMatch(
        /max_(receive|send)_message|MaxCallRecvMsgSize|maxInboundMessageSize|options=/,
      );
    }
  });
});
