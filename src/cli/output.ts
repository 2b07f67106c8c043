import type { Timestamp } from '../shared/gen/google/protobuf/timestamp.ts';
import { type Memory, Scope } from '../shared/gen/memoryhub/v1/memory.ts';
import { memoryToJson, timestampText } from '../shared/memory-json.ts';

/** Prints one line of JSON. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** "team alpha", "personal mina", "workspace". */
export function ownerText(memory: Memory): string {
  if (memory.scope === Scope.TEAM) return `team ${memory.team}`;
  return memory.scope === Scope.PERSONAL ? `personal ${memory.userId}` : 'workspace';
}

/** "1 memory", "2760 memories". */
export function memoriesText(count: number): string {
  return count === 1 ? '1 memory' : `${count} memories`;
}

/** To the second, for people. */
export function timeText(time: Timestamp | undefined): string {
  return time ? `${timestampText(time).slice(0, 19)}Z` : '-';
}

/** One memory in full, for people or as JSON. */
export function printMemory(memory: Memory, json: boolean): void {
  if (json) {
    printJson(memoryToJson(memory));
    return;
  }
  const head: [string, string][] = [
    ['id', memory.id],
    ['key', memory.key],
    ['scope', ownerText(memory)],
    ['category', memory.category],
    ['tags', memory.tags.join(', ')],
    ['metadata', memory.metadata ? JSON.stringify(memory.metadata) : ''],
    ['revision', `${memory.revision} by ${memory.author}`],
    ['etag', memory.etag],
    ['created', timeText(memory.createTime)],
    ['updated', timeText(memory.updateTime)],
    ['deleted', memory.deleteTime ? timeText(memory.deleteTime) : ''],
    ['expires', memory.expireTime ? timeText(memory.expireTime) : ''],
  ];
  const lines = head.filter(([, value]) => value !== '').map(([name, value]) => `${name.padEnd(9)}${printable(value)}`);
  process.stdout.write(`${lines.join('\n')}\n${memory.content === '' ? '' : `\n${printable(memory.content, true)}\n`}`);
}

/**
 * Text of others made safe for a terminal: control characters, which could move the cursor or change
 * its title, are shown as escapes. Line ends stay when `keepLines` is set.
 */
export function printable(text: string, keepLines = false): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, (character) =>
    keepLines && (character === '\n' || character === '\t')
      ? character
      : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Columns of text, two blanks apart; the last one takes what is left of the line. */
export function table(header: readonly string[], rows: readonly (readonly string[])[], width: number): string {
  const all = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  return all
    .map((row) =>
      row
        .map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
        .join('  ')
        .slice(0, width),
    )
    .join('\n');
}

/** Width to print tables for: the terminal's, or no limit when there is none. */
export function outputWidth(): number {
  return process.stdout.isTTY ? (process.stdout.columns ?? 80) : Number.MAX_SAFE_INTEGER;
}
