import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export const ROOT = join(import.meta.dirname, '..', '..');

/** The documents whose commands are run. */
export const DOCUMENTS = ['README.md', 'docs/clients.md', 'docs/operating.md'] as const;

/** One fenced block. */
export interface CodeBlock {
  /** What stands behind the opening fence. */
  readonly language: string;
  /** The heading it stands under. */
  readonly heading: string;
  readonly lines: readonly string[];
}

/** All fenced blocks of a document, in order. */
export function codeBlocks(document: string): CodeBlock[] {
  const blocks: CodeBlock[] = [];
  let heading = '';
  let open: { language: string; heading: string; lines: string[] } | undefined;
  for (const line of readFileSync(join(ROOT, document), 'utf8').split('\n')) {
    const fence = /^\s*```(.*)$/.exec(line);
    if (open !== undefined && fence !== null) {
      blocks.push(open);
      open = undefined;
    } else if (open !== undefined) open.lines.push(line);
    else if (fence !== null) open = { language: fence[1] ?? '', heading, lines: [] };
    else heading = /^#+ (.*)$/.exec(line)?.[1] ?? heading;
  }
  return blocks;
}

/** The commands of a document, one a line as they stand there, without what follows a `#`. */
export function commands(document: string, heading?: string): string[] {
  return codeBlocks(document)
    .filter((block) => block.language === 'sh' && (heading === undefined || block.heading === heading))
    .flatMap(({ lines }) => lines)
    .map((line) => line.replace(/(^|\s+)#\s.*$/, '').trim())
    .filter((line) => line !== '');
}
